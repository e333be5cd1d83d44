"""The default pages of declared apps: all that tools do is done in them too, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import yaml
from selectolax.lexbor import LexborHTMLParser

from app_clones.declared.check import DeclError
from app_clones.declared.engine import declared
from app_clones.declared.load import load_declared
from app_clones.declared.model import AppDecl
from app_clones.declared.pages_plan import is_offered
from app_clones.kit.asgi import request
from app_clones.kit.world import World

FORM = {"content-type": "application/x-www-form-urlencoded"}
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@cache
def shop():
    return load_declared(Path(__file__).parent / "shop")


@cache
def snapshot():
    with World.build([shop().app()], seed=5, start_ms=1_741_000_000_000, step_ms=1000, persons=6) as world:
        return world.snapshot()


@pytest.fixture
def world():
    with World.fork(snapshot(), [shop().app()]) as fork:
        yield fork


def get(world, path, actor=1):
    return asyncio.run(request(world, "GET", path, actor=actor))


def post(world, path, form, **headers):
    return asyncio.run(request(world, "POST", path, headers={**FORM, **headers}, body=urlencode(form).encode()))


def tree(reply):
    return LexborHTMLParser(reply.text)


def form_of(page):
    """The page's one form that posts: its address, and what its controls hold."""
    [form] = page.css('main form[method="post"].form')
    held = {}
    for one in form.css("input,select,textarea"):
        name, kind = one.attributes["name"], one.attributes.get("type")
        if one.tag == "select":
            chosen = [o for o in one.css("option") if "selected" in o.attributes] or one.css("option")[:1]
            held[name] = chosen[0].attributes["value"]
        elif one.tag == "textarea":
            held[name] = one.text().removeprefix("\n")
        elif kind != "checkbox" or "checked" in one.attributes:
            held[name] = one.attributes.get("value") or ""
    return form.attributes["action"], held


def controls(page):
    return {one.attributes["name"] for one in page.css("main form.form [name]")}


def fill(world, path, **values):
    """Opens the form at ``path``, fills in ``values`` (None: leaves a box unticked) and sends it."""
    reply = get(world, path)
    assert reply.status == 200, reply.text
    page = tree(reply)
    action, held = form_of(page)
    assert set(values) <= controls(page)
    held = {name: value for name, value in {**held, **values}.items() if value is not None}
    return post(world, action, held)


def one(world, sql, *args):
    return world.connection.execute(sql, args).fetchone()[0]


def order_in(world, status):
    return one(world, "SELECT min(id) FROM shop_order WHERE status=?", status)


def email(world, person):
    return world.persons()[person].email


def _cases(world):
    """Operation, arguments of its tool, and what does the same in the pages: (address, filled-in values or None)."""
    lonely = one(world, "SELECT min(id) FROM shop_customer WHERE id NOT IN (SELECT customer FROM shop_order)")
    unsold = one(world, "SELECT min(id) FROM shop_product WHERE id NOT IN (SELECT product FROM shop_item)")
    pending, paid = order_in(world, "pending"), order_in(world, "paid")
    slug, name = world.connection.execute("SELECT slug,name FROM shop_product WHERE id=7").fetchone()
    product = slug or "00000007"
    assert one(world, "SELECT count(*) FROM shop_product WHERE name=?", name) == 1
    new = {"name": "Ida <Lund>", "email": "ida@example.com", "tier": "gold", "vip": True, "newsletter": False,
           "birthday": "1990-02-28", "website": "https://example.com/ida", "tags": ["one", "two words"],
           "preferences": {"language": "da", "copies": 2}, "notes": "Line one.\n\nLine two.",
           "password": "open sesame"}  # fmt: skip
    filled = {**new, "vip": "1", "newsletter": "false", "tags": "one\r\ntwo words\r\n",
              "preferences": json.dumps(new["preferences"]), "notes": new["notes"].replace("\n", "\r\n")}  # fmt: skip
    rope = {"new_id": "blue-rope", "name": "Blue rope", "category": "ropes"}
    order = {"reference": "A-1", "customer": 4, "placed_on": "2025-03-03", "deliver_by": "2025-03-09T10:00:00Z",
             "gift": True, "handled_by": email(world, 2), "total": 99.5, "watchers": [email(world, 3), email(world, 4)],
             "comment": "Soon."}  # fmt: skip
    sent = {**order, "customer": "4", "gift": "1", "handled_by": "2", "total": "99.50",
            "watchers": f"{email(world, 3)}\r\n{world.persons()[4].name}"}  # fmt: skip
    return {
        "customer_create": (new, "/shop/customer/new", filled),
        "customer_update": ({"id": 3, "tier": "silver", "vip": True, "tags": ["x"], "website": None},
                            "/shop/customer/3/edit", {"tier": "silver", "vip": "1", "tags": "x", "website": ""}),
        "customer_delete": ({"id": lonely}, f"/shop/customer/{lonely}/delete", {}),
        "profile_update": ({"customer": 3, "speed": "express", "leave_at_door": True},
                           f"/shop/profile/{_profile(world)}/edit", {"speed": "express", "leave_at_door": "1"}),
        "product_create": ({**rope, "price": 3, "active": False}, "/shop/product/new",
                           {**rope, "price": "3", "active": None}),
        "product_update": ({"id": product, "stock": 12, "description": "Long."}, "/shop/product/7/edit",
                           {"stock": "12", "description": "Long."}),
        "product_delete": ({"id": _key(world, unsold)}, f"/shop/product/{unsold}/delete", {}),
        "order_create": (order, "/shop/order/new", sent),
        "order_update": ({"id": f"ord_{pending:08x}", "comment": "Later.", "handled_by": None},
                         f"/shop/order/{pending}/edit", {"comment": "Later.", "handled_by": ""}),
        "order_delete": ({"id": f"ord_{pending:08x}"}, f"/shop/order/{pending}/delete", {}),
        "order_pay": ({"id": f"ord_{pending:08x}"}, f"/shop/order/{pending}/do/order_pay", None),
        "order_ship": ({"id": f"ord_{paid:08x}"}, f"/shop/order/{paid}/do/order_ship", None),
        "order_cancel": ({"id": f"ord_{paid:08x}", "reason": "Too late", "refund": True},
                         f"/shop/order/{paid}/do/order_cancel", {"reason": "Too late", "refund": "true"}),
        "item_create": ({"order": f"ord_{paid:08x}", "product": product, "quantity": 3, "note": "Wrapped"},
                        f"/shop/item/new?order={paid}", {"product": name, "quantity": "3", "note": "Wrapped"}),
        "item_update": ({"id": 1, "quantity": 9}, "/shop/item/1/edit", {"quantity": "9"}),
        "item_delete": ({"id": 1}, "/shop/item/1/delete", {}),
        "coupon_create": ({"code": "SPRING25", "percent": 25, "for_customer": 4}, "/shop/coupon/new",
                          {"code": "SPRING25", "percent": "25", "for_customer": "4"}),
        "customer_tag": ({"id": 3, "tag": "loyal"}, "/shop/customer/3/do/customer_tag", {"tag": "loyal"}),
        "customer_forget": ({"id": 3}, "/shop/customer/3/do/customer_forget", None),
        "restock": ({"crates": 4, "urgent": False}, "/shop/do/restock", {"crates": "4"}),
    }  # fmt: skip


def _profile(world):
    return one(world, "SELECT id FROM shop_profile WHERE customer=3")


def _key(world, product):
    return one(world, "SELECT coalesce(slug,printf('%08x',id)) FROM shop_product WHERE id=?", product)


@pytest.mark.parametrize("operation", [
    "customer_create", "customer_update", "customer_delete", "profile_update", "product_create", "product_update",
    "product_delete", "order_create", "order_update", "order_delete", "order_pay", "order_ship", "order_cancel",
    "item_create", "item_update", "item_delete", "coupon_create", "customer_tag", "customer_forget", "restock",
])  # fmt: skip
def test_what_a_tool_does_the_pages_do_too(world, operation):
    arguments, path, values = _cases(world)[operation]
    with World.fork(snapshot(), [shop().app()]) as other:
        result = other.call(f"shop_{operation}", arguments).result
        assert result.error is None, result.text
        reply = fill(world, path, **values) if values is not None else post(world, path, {})
        assert reply.status == 303, reply.text
        assert world.state_digest == other.state_digest
        world.check()
    landed = get(world, reply.headers["location"])
    assert landed.status == 200
    assert tree(landed).css_first('[role="status"]').text()


def test_no_operation_of_the_shop_is_left_out_above(world):
    decl = shop().decl
    writing = {name for name, one in decl.operations.items() if is_offered(one) and one.writes}
    same_as_others = {"coupon_update", "coupon_delete"}
    assert writing - same_as_others == set(_cases(world))


@pytest.mark.parametrize("text", [" " * 40, "word " * 15, "x" * 80, "one " + "y" * 60])
def test_a_list_shows_whatever_is_written_into_a_row(world, text):
    product = world.call("shop_product_list", {}).result.data["products"][0]["id"]
    result = world.call("shop_product_update", {"id": product, "description": text}).result
    assert result.error is None, result.text
    reply = get(world, "/shop/product")
    assert reply.status == 200, reply.text


def test_coupons_too_are_changed_and_deleted(world):
    assert fill(world, "/shop/coupon/new", code="SPRING25", percent="25", for_customer="4").status == 303
    assert fill(world, "/shop/coupon/1/edit", percent="30").status == 303
    assert one(world, "SELECT percent FROM shop_coupon") == 30
    assert fill(world, "/shop/coupon/1/delete").headers["location"] == "/shop/coupon?_done=coupon_delete"
    assert one(world, "SELECT count(*) FROM shop_coupon") == 0


def test_an_operation_that_only_answers_is_asked_by_its_page_and_changes_nothing(world):
    before = world.state_digest, world.now_ms
    asked = get(world, "/shop/do/opening_hours?_go=1&day=weekend")
    told = world.call("shop_opening_hours", {"day": "weekend"}).result.data
    assert json.loads(tree(asked).css_first("pre").text()) == told
    refused = get(world, "/shop/do/opening_hours?_go=1&day=")
    assert refused.status == 400
    assert "This is needed" in refused.text
    assert post(world, "/shop/do/opening_hours", {"day": "weekend"}).status == 400
    assert world.state_digest != before[0]  # the tool's step moved the clock, and that is all that did
    assert world.now_ms == before[1] + 1000


def crawl(world, *start, most=400):
    """Every page that links lead to, by address; of pages that differ in their query or row alone a few."""
    found, edge, seen = {}, ["/shop/", *start], {}
    while edge and len(found) < most:
        path = edge.pop(0)
        bare = re.sub(r"\d+", "N", urlsplit(path).path)
        if path in found or seen.get(bare, 0) >= 3:
            continue
        seen[bare] = seen.get(bare, 0) + 1
        found[path] = get(world, path)
        for link in tree(found[path]).css("a[href]"):
            href = link.attributes["href"].partition("#")[0]
            if href.startswith("/shop"):
                edge.append(href)
    return found


def test_every_page_that_a_link_leads_to_is_there_reads_only_and_is_well_formed(world):
    before = world.state_digest, world.now_ms
    pages = crawl(world)
    assert len(pages) > 60
    for path, reply in pages.items():
        assert reply.status == 200, path
        assert "script" not in reply.headers["content-security-policy"]
        page = tree(reply)
        assert len(page.css("h1")) == 1, path
        assert len(page.css("main")) == 1
        ids = [one.attributes["id"] for one in page.css("[id]")]
        assert len(ids) == len(set(ids)), path
        labelled = {one.attributes["for"] for one in page.css("label[for]")}
        for control in page.css("input,select,textarea"):
            if control.attributes.get("type") != "hidden":
                assert control.attributes.get("aria-label") or control.attributes["id"] in labelled, (
                    path,
                    control.html,
                )
        described = {id for one in page.css("[aria-describedby]") for id in one.attributes["aria-describedby"].split()}
        assert described <= set(ids), path
        assert all(head.attributes.get("scope") for head in page.css("th")), path
    assert (world.state_digest, world.now_ms) == before
    world.check()


def test_every_operation_is_reached_from_the_dashboard(world):
    found = set()
    for reply in crawl(world, *(f"/shop/order/{order_in(world, status)}" for status in ("pending", "paid"))).values():
        found |= set(re.findall(r'(?:href|action)="(/shop/[^"?#]*)', reply.text))
    decl = shop().decl
    for name, operation in decl.operations.items():
        if not is_offered(operation):
            continue
        ends = {"create": "/new", "update": "/edit", "delete": "/delete"}.get(operation.kind, f"/do/{name}")
        within = f"/shop/{operation.entity}/" if operation.entity else "/shop/do/"
        if operation.entity == "coupon" and operation.kind != "create":
            continue  # there are none yet
        assert any(path.startswith(within) and path.endswith(ends) for path in found), name


REFUSED = [
    ("/shop/customer/new", {"name": "", "email": "ida@example.com"}, {"name": "needed"}),
    ("/shop/customer/new", {"name": "Ida", "email": "no email", "birthday": "soon"},
     {"email": "no email", "birthday": "date"}),
    ("/shop/customer/new", {"name": "Ida", "email": "i@example.com", "preferences": "{no"}, {"preferences": "JSON"}),
    ("/shop/customer/new", {"name": "Ida", "email": "i@example.com", "preferences": '{"copies": "x"}'},
     {"preferences": "copies"}),
    ("/shop/customer/3/edit", {"name": ""}, {"name": "needed"}),
    ("/shop/product/new", {"name": "Rope", "category": "", "price": "-1"}, {"category": "needed", "price": "100000"}),
    ("/shop/product/new", {"name": "Rope", "category": "ropes", "price": "cheap"}, {"price": "number"}),
    ("/shop/order/new", {"reference": "A", "customer": "4", "placed_on": "2025-03-01", "watchers": "nobody"},
     {"watchers": "no person"}),
    ("/shop/item/new", {"order": "1", "product": "no such thing", "quantity": "100"},
     {"product": "no product", "quantity": "99"}),
    ("/shop/coupon/new", {"code": "no", "percent": "25"}, {"code": "match"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "values", "wrong"), REFUSED)
def test_a_refused_form_says_why_at_each_field_keeps_what_was_typed_and_changes_nothing(world, path, values, wrong):
    before = world.state_digest, world.now_ms
    reply = fill(world, path, **values)
    assert reply.status == 400
    page = tree(reply)
    _, held = form_of(page)
    assert {name: held[name] for name in values} == values
    marked = {node.attributes["name"] for node in page.css("[aria-invalid]")}
    assert marked == set(wrong)
    summary = page.css_first('[role="alert"]').text()
    for name, words in wrong.items():
        assert words.lower() in page.css_first(f"#wrong-{name}").text().lower()
        assert page.css_first(f'[role="alert"] a[href="#f-{name}"]').text() in summary
    assert (world.state_digest, world.now_ms) == before


def test_what_the_engine_refuses_is_told_in_the_form_too(world):
    taken = one(world, "SELECT email FROM shop_customer WHERE id=1")
    reply = fill(world, "/shop/customer/new", name="Ida", email=taken)
    assert reply.status == 409
    assert "already" in tree(reply).css_first('[role="alert"]').text()
    assert form_of(tree(reply))[1]["email"] == taken


def test_a_name_that_several_rows_bear_is_asked_back_with_their_numbers(world):
    product = one(world, "SELECT name FROM shop_product WHERE id=7")
    assert fill(world, "/shop/product/new", name=product, category="ropes", price="1").status == 303
    reply = fill(world, "/shop/item/new", order="1", product=product, quantity="1")
    assert reply.status == 400
    assert "(61)" in tree(reply).css_first("#wrong-product").text()
    assert fill(world, "/shop/item/new", order="1", product="61", quantity="1").status == 303


def test_options_of_one_name_are_told_apart_by_their_numbers(world):
    name = one(world, "SELECT name FROM shop_customer WHERE id=4")
    assert f">{name}</option>" in get(world, "/shop/order/new").text
    assert fill(world, "/shop/customer/new", name=name, email="other@example.com").status == 303
    page = get(world, "/shop/order/new").text
    assert f">{name} (4)</option>" in page
    assert f">{name} (35)</option>" in page


def test_saving_a_form_as_it_is_changes_no_row(world):
    for path in ("/shop/customer/3/edit", "/shop/order/5/edit", "/shop/product/7/edit", "/shop/item/2/edit"):
        assert fill(world, path).status == 303
    assert {change.table for change in world.net_change()} == {"kit_meta"}


def test_a_secret_is_written_and_never_shown(world):
    made = fill(world, "/shop/customer/new", name="Ida", email="ida@example.com", password="open sesame")
    page = made.headers["location"].partition("?")[0]
    assert "open sesame" not in get(world, page).text
    assert "open sesame" not in get(world, f"{page}/edit").text
    assert fill(world, f"{page}/edit", name="Ida L.").status == 303
    assert one(world, "SELECT password FROM shop_customer ORDER BY id DESC LIMIT 1") == "open sesame"
    assert fill(world, f"{page}/edit", password="another one").status == 303
    assert one(world, "SELECT password FROM shop_customer ORDER BY id DESC LIMIT 1") == "another one"
    refused = fill(world, f"{page}/edit", password="short")
    assert refused.status == 400
    assert 'value="short"' not in refused.text


def test_what_is_not_possible_now_is_a_disabled_button_and_a_refusal(world):
    shipped = order_in(world, "shipped")
    page = tree(get(world, f"/shop/order/{shipped}"))
    buttons = {node.text(): node for node in page.css("main .acts button")}
    assert "disabled" in buttons["Pay"].attributes
    assert buttons["Pay"].attributes["title"] == "Only a pending order can be paid."
    before = world.state_digest
    reply = post(world, f"/shop/order/{shipped}/do/order_pay", {})
    assert reply.status == 409
    assert "Only a pending order can be paid." in reply.text
    assert world.state_digest == before


def test_a_delete_page_says_what_goes_and_what_keeps_it(world):
    customer = one(world, "SELECT customer FROM shop_order WHERE id=1")
    page = get(world, f"/shop/customer/{customer}/delete")
    assert "will be deleted with it" in page.text
    assert "these must go first" in page.text
    before = world.state_digest
    reply = fill(world, f"/shop/customer/{customer}/delete")
    assert reply.status == 409
    assert tree(reply).css_first('[role="alert"]') is not None
    assert world.state_digest == before


def rows_on(page):
    return [int(node.attributes["href"].rpartition("/")[2]) for node in page.css("tbody th a")]


def walk(world, path):
    """All row ids of a list, page by page."""
    seen = []
    while path:
        reply = get(world, path)
        assert reply.status == 200, path
        page = tree(reply)
        seen += rows_on(page)
        path = next((n.attributes["href"] for n in page.css(".pager a") if n.text() == "Next"), None)
    return seen


@pytest.mark.parametrize("entity", ["customer", "product", "order", "item", "profile"])
def test_paging_visits_each_row_once_in_every_order(world, entity):
    heads = [node.attributes["href"] for node in tree(get(world, f"/shop/{entity}")).css("thead a")]
    every = [id for (id,) in world.connection.execute(f"SELECT id FROM shop_{entity} ORDER BY id")]
    assert walk(world, f"/shop/{entity}") == every
    for href in heads:
        forth = walk(world, href)
        assert sorted(forth) == every
        page = tree(get(world, href))
        assert len(page.css('th[aria-sort="ascending"]')) == 1
        back = page.css_first("th[aria-sort] a").attributes["href"]
        assert walk(world, back) == forth[::-1]
        assert len(tree(get(world, back)).css('th[aria-sort="descending"]')) == 1


@pytest.mark.parametrize(("query", "where"), [
    ({"status": "paid"}, "status='paid'"),
    ({"gift": "true"}, "gift=1"),
    ({"customer": "4"}, "customer=4"),
    ({"customer": "4", "status": "shipped"}, "customer=4 AND status='shipped'"),
    ({"handled_by": "2", "gift": "false"}, "handled_by=2 AND gift=0"),
    ({"reference": "-5"}, "instr(reference,'-5')"),
    ({"watchers": "3"}, "3 IN (SELECT value FROM json_each(watchers))"),
])  # fmt: skip
def test_filters_show_the_rows_that_fit_and_keep_through_pages_and_sorting(world, query, where):
    wanted = [id for (id,) in world.connection.execute(f"SELECT id FROM shop_order WHERE {where} ORDER BY id")]
    path = f"/shop/order?{urlencode(query)}"
    assert walk(world, path) == wanted
    page = tree(get(world, path))
    if wanted:
        head = page.css_first("thead a").attributes["href"]
        assert sorted(walk(world, head)) == wanted
    form = page.css_first("form.filters")
    for name, value in query.items():
        control = form.css_first(f'[name="{name}"]')
        chosen = control.css_first("option[selected]") if control.tag == "select" else control
        assert chosen.attributes["value"] == value


def test_words_are_found_in_a_list_and_in_the_search_over_everything(world):
    fill(world, "/shop/customer/new", name="Zenobia Quist", email="z@example.com", notes="Likes teak.")
    id = one(world, "SELECT max(id) FROM shop_customer")
    assert walk(world, "/shop/customer?_words=teak") == [id]
    page = get(world, "/shop/search?q=zenobia+teak")
    assert f'href="/shop/customer/{id}"' in page.text
    assert "Nothing found" in get(world, "/shop/search?q=qqqq").text
    assert get(world, "/shop/search?q=").status == 200
    assert walk(world, "/shop/coupon?_words=none") == []


@pytest.mark.parametrize("typed", ["zenobia+qui", "ZENOBIA+Q", "z@example", "https://quist", "{id}"])
def test_a_row_is_found_by_the_beginning_of_a_word_or_of_a_text_and_by_its_id(world, typed):
    fill(world, "/shop/customer/new", name="Zenobia Quist", email="z@example.com", website="https://quist.example/")
    id = one(world, "SELECT max(id) FROM shop_customer")
    path = typed.format(id=id)
    assert id in walk(world, f"/shop/customer?_words={path}")
    assert f'href="/shop/customer/{id}"' in get(world, f"/shop/search?q={path}").text
    assert id not in walk(world, "/shop/customer?_words=enobi+uist")


def test_a_row_is_found_by_its_code_or_its_whole_name_also_where_it_has_no_texts(world):
    page = get(world, "/shop/search?q=ord_00000007")
    assert [node.attributes["href"] for node in tree(page).css("tbody th a")] == ["/shop/order/7"]
    app, start = cloud()
    with World.fork(start, [app]) as clouds:
        fill(clouds, "/cloud/queue/new?in_project=2", name="q1")
        for typed in ("projects/beta/queues/q1", "q1"):
            assert 'href="/cloud/queue/1"' in get(clouds, f"/cloud/search?q={typed}").text


def test_a_list_that_is_empty_or_narrowed_to_nothing_says_what_to_do(world):
    assert "Make the first coupon" in get(world, "/shop/coupon").text
    narrowed = get(world, "/shop/order?_words=qqqq")
    assert "Show all orders" in narrowed.text
    assert "Nothing matches" in narrowed.text


@pytest.mark.parametrize(("path", "status"), [
    ("/shop/nothing", 404),
    ("/shop/order/99999", 404),
    ("/shop/order/abc", 404),
    ("/shop/order/1/edit/more/and/more", 404),
    ("/shop/order/1/do/restock", 404),
    ("/shop/do/order_pay", 404),
    ("/shop/profile/new", 404),
    ("/shop/order?_page=0", 404),
    ("/shop/order?_page=99", 404),
    ("/shop/order?_page=x", 404),
    ("/shop/order?_sort=nothing", 400),
    ("/shop/order?_sort=total+sideways", 400),
    ("/shop/order?customer=nobody", 404),
    ("/shop/order?gift=perhaps", 400),
])  # fmt: skip
def test_what_is_not_there_or_makes_no_sense_is_a_page_that_says_so(world, path, status):
    before = world.state_digest
    reply = get(world, path)
    assert reply.status in (status, 400)
    assert reply.headers["content-type"].startswith("text/html")
    assert tree(reply).css_first('[role="alert"]').text().strip()
    assert world.state_digest == before


def test_what_people_write_is_shown_and_never_run(world):
    made = fill(world, "/shop/customer/new", name=EVIL, email="x@example.com", tags=EVIL, notes=EVIL,
                preferences=json.dumps({"language": EVIL}))  # fmt: skip
    page = made.headers["location"]
    fill(world, "/shop/order/new", reference=EVIL, customer=page.partition("?")[0].rpartition("/")[2],
         placed_on="2025-03-03", comment=EVIL)  # fmt: skip
    evil = quote(EVIL)
    pages = [page, f"{page.partition('?')[0]}/edit", f"{page.partition('?')[0]}/delete", "/shop/", "/shop/order",
             "/shop/order/new", f"/shop/search?q={evil}", f"/shop/order?_words={evil}", f"/shop/order?reference={evil}",
             f"/shop/order?_sort={evil}", f"/shop/order?_done={evil}", f"/shop/{evil}", f"/shop/customer?name={evil}",
             f"/shop/customer/new?name={evil}&tier={evil}", f"/shop/order?customer={evil}"]  # fmt: skip
    for path in pages:
        reply = get(world, path)
        page = tree(reply)
        assert not page.css("script"), path
        assert not page.css("img"), path
        assert "<script" not in reply.text, path
    refused = fill(world, "/shop/coupon/new", code=EVIL, percent=EVIL)
    assert "<script" not in refused.text
    assert form_of(tree(refused))[1]["code"] == EVIL


def test_a_form_on_another_sites_page_is_refused(world):
    before = world.state_digest, world.now_ms
    form = {"code": "SPRING25", "percent": "25"}
    for origin in ("https://evil.example", "null", "http://world.evil.example"):
        assert post(world, "/shop/coupon/new", form, origin=origin).status == 403
        assert post(world, f"/shop/order/{order_in(world, 'pending')}/do/order_pay", {}, origin=origin).status == 403
    assert (world.state_digest, world.now_ms) == before
    assert post(world, "/shop/coupon/new", form, origin="http://world").status == 303


def test_the_style_sheet_is_one_for_all_and_kept(world):
    reply = get(world, "/shop/app.css")
    assert reply.headers["content-type"].startswith("text/css")
    assert reply.headers["cache-control"] == "max-age=3600"
    assert reply.text == files("app_clones.declared").joinpath("templates/app.css").read_text()


def test_the_style_sheet_keeps_to_what_the_page_driver_understands():
    css = files("app_clones.declared").joinpath("templates/app.css").read_text()
    set_ = re.findall(r"[;{]\s*([a-z-]+):\s*([^;}]+)", css)
    assert not {name for name, _ in set_} & {"content", "float", "visibility", "pointer-events", "position"}
    assert {value.strip() for name, value in set_ if name == "display"} <= {"flex", "block", "inline-block"}
    assert "::" not in css
    assert "display" not in css[css.index("@media") :]


def test_a_typical_list_has_at_least_250_nodes(world):
    counts = sorted(
        len(tree(get(world, f"/shop/{name}")).css("*")) for name in ("customer", "product", "order", "item")
    )
    assert counts[len(counts) // 2] >= 250


MEMO = """
app: memo
title: Memos
entities:
  memo:
    owner: owner
    fields:
      owner: {type: ref, to: person, required: true, readonly: true}
      text: {type: string, required: true, search: true}
      about: {type: ref, to: memo}
    operations: [list, get, create, update, delete]
pages:
  memo:
    columns: [text]
    filters: [about]
    order: text desc
    template: |
      {% extends "detail.html" %}
      {% block facts %}<p class="card pad">It says: {{ row.text }}</p>{% endblock %}
"""


@pytest.fixture
def memos():
    app = declared(AppDecl.model_validate(yaml.safe_load(MEMO))).app()
    with World.build([app], seed=1, start_ms=0, step_ms=1000, persons=3) as world:
        for actor, text in ((1, "mine"), (2, "theirs"), (1, "also mine")):
            assert world.call("memo_memo_create", {"text": text}, actor=actor).result.error is None
        yield world


PLACES = ["hall", "island", "jetty", "kiosk", "lobby", "mill", "nave", "oast", "pier", "quay"]


@pytest.fixture
def sheds():
    """An app as it is compiled: its fields stand in the alphabet's order."""
    fields = {"appendix": {"type": "json"}, "description": {}, "end": {"required": True}, "title": {}}
    fields |= {name: {} for name in PLACES} | {"zeal": {"type": "integer"}}
    fields = {name: fields[name] for name in sorted(fields)}
    entity = {"label": "title", "fields": fields, "operations": ["list", "get", "create", "update", "delete"]}
    app = declared(AppDecl.model_validate({"app": "sheds", "title": "Sheds", "entities": {"shed": entity}})).app()
    with World.build([app], seed=1, start_ms=0, step_ms=1000, persons=2) as world:
        yield world


def labels(page, within):
    return [one.text().removesuffix(" *") for one in page.css(f"main form.form {within}")]


def test_a_long_form_begins_with_what_is_written_first_and_folds_away_the_rest(sheds):
    page = tree(get(sheds, "/sheds/shed/new"))
    assert labels(page, "label")[:3] == ["Title", "End", "Description"]
    assert page.css_first("details summary").text() == "More fields (5)"
    assert labels(page, "details label") == ["Nave", "Oast", "Pier", "Quay", "Appendix"]
    refused = tree(fill(sheds, "/sheds/shed/new", title="One", end="Soon", quay="East", appendix="{"))
    assert labels(refused, "details label") == ["Nave", "Oast", "Pier"], "what is wrong is in sight, and what was typed"
    assert fill(sheds, "/sheds/shed/new", title="One", end="Soon", quay="East").status == 303
    assert "Quay" not in labels(tree(get(sheds, "/sheds/shed/1/edit")), "details label")


def test_a_rows_page_begins_with_what_it_is_called_and_folds_away_what_is_empty(sheds):
    assert fill(sheds, "/sheds/shed/new", title="One", end="Soon", quay="East").status == 303
    page = tree(get(sheds, "/sheds/shed/1"))
    assert page.css_first("details.rest summary").text() == "12 empty fields"
    unset = {one.text() for one in page.css("details.rest dt")}
    assert [one.text() for one in page.css("dl.facts dt") if one.text() not in unset] == ["ID", "Title", "End", "Quay"]


def test_lists_tell_ids_where_names_do_not_tell_rows_apart(sheds):
    def told():
        page = tree(get(sheds, "/sheds/shed"))
        ids = [row.css("td")[0].text() for row in page.css("tbody tr")]
        return [one.text().partition("\xa0")[0] for one in page.css("thead th")][:2], ids

    for title in ("One", "Two"):
        assert fill(sheds, "/sheds/shed/new", title=title, end="Soon").status == 303
    assert told()[0] == ["Title", "End"]
    assert fill(sheds, "/sheds/shed/new", title="One", end="Late").status == 303
    assert told() == (["Title", "ID"], ["1", "2", "3"])


def test_what_belongs_to_others_is_nowhere_to_be_seen(memos):
    assert rows_on(tree(get(memos, "/memo/memo"))) == [1, 3]
    assert rows_on(tree(get(memos, "/memo/memo", actor=2))) == [2]
    for path in ("/memo/", "/memo/memo", "/memo/memo/new", "/memo/memo/1/edit", "/memo/search?q=theirs"):
        assert ">theirs<" not in get(memos, path).text
    for path in ("/memo/memo/2", "/memo/memo/2/edit", "/memo/memo/2/delete"):
        assert get(memos, path).status == 404
    before = memos.state_digest
    assert post(memos, "/memo/memo/2/edit", {"text": "x"}).status == 404
    assert post(memos, "/memo/memo/2/delete", {}).status == 404
    assert post(memos, "/memo/memo/new", {"text": "x", "about": "2"}).status == 400
    assert memos.state_digest == before


def test_an_entitys_pages_follow_its_own_declaration(memos):
    page = tree(get(memos, "/memo/memo"))
    assert [node.text().partition("\xa0")[0] for node in page.css("thead th")] == ["Text"]
    assert [node.attributes["name"] for node in page.css("form.filters select")] == ["about"]
    assert "It says: also mine" in get(memos, "/memo/memo/3").text


def test_an_app_of_a_hundred_collections_can_still_be_found_ones_way_in():
    name = {"name": {"type": "string", "required": True}}
    entities = {f"thing{n}": {"fields": dict(name), "operations": ["list", "create"]} for n in range(100)}
    for n in range(3, 100, 4):
        entities[f"thing{n}"]["parent"] = "above"
        entities[f"thing{n}"]["fields"]["above"] = {"type": "ref", "to": f"thing{n - 3}", "required": True}
    app = declared(AppDecl.model_validate({"app": "big", "title": "Big", "entities": entities})).app()
    with World.build([app], seed=1, start_ms=0, step_ms=1000, persons=1) as world:
        home = tree(get(world, "/big/"))
        listed = {node.attributes["href"] for node in home.css("main a")}
        assert {f"/big/thing{n}" for n in range(100)} <= listed
        for path in ("/big/", "/big/thing0", "/big/thing98", "/big/thing99"):
            page = tree(get(world, path))
            side = [node.attributes["href"] for node in page.css("nav.side a")]
            assert len(side) <= 20
            assert [node.attributes["href"] for node in page.css("nav.side [aria-current]")] == [path]


def test_a_redirect_reports_what_was_done_and_leads_nowhere_else(world):
    reply = fill(world, "/shop/coupon/new", code="SPRING25", percent="25")
    location = urlsplit(reply.headers["location"])
    assert (location.netloc, location.path) == ("", "/shop/coupon/1")
    assert dict(parse_qsl(location.query)) == {"_done": "coupon_create"}
    assert tree(get(world, reply.headers["location"])).css_first('[role="status"]').text() == "Coupon created."
    assert tree(get(world, "/shop/coupon/1?_done=anything")).css_first('[role="status"]') is None


# As a compiler makes them: whole resources, resource names, masks, etags, force.
CLOUD = """
app: cloud
title: Cloud
api: {base: v1/, errors: google, naming: camel}
entities:
  project:
    key: {form: given, wire: null, path: name, collection: projects}
    label: display_name
    fields: {display_name: {type: string, required: true}}
    given: [{slug: alpha, display_name: Alpha}, {slug: beta, display_name: Beta}]
  topic:
    parent: project
    key: {form: given, wire: null, path: name, collection: topics}
    etag: etag
    fields:
      project: {type: ref, to: project, required: true}
      display_name: {type: string, required: true}
      kept_days: {type: integer, int64: true, min: 1}
      labels: {type: json, shape: {type: object, additionalProperties: {type: string}}}
      dead_letters: {type: ref, to: topic, on_delete: clear}
      is_public: {type: boolean}
      made_at: {type: datetime, auto: created}
  queue:
    parent: in_project
    key: {form: given, wire: null, path: name, collection: queues}
    fields:
      in_project: {type: ref, to: project, required: true, hidden: true, readonly: true, wire: (in_project)}
      depth: {type: integer}
  subscription:
    parent: topic
    key: {form: given, wire: null, path: name, collection: subscriptions}
    fields:
      topic: {type: ref, to: topic, required: true}
      title: {type: string}
  drive:
    key: {form: code}
    label: name
    fields: {name: {type: string, required: true}}
operations:
  drives_create:
    kind: create
    entity: drive
    http: {verb: POST, path: drives}
    params:
      requestId: {role: request_id, place: query, required: true}
      body: {role: resource, type: json}
  topics_create:
    kind: create
    entity: topic
    http: {verb: POST, path: "{+parent}/topics"}
    params:
      parent: {role: row, entity: project, place: path, required: true, pattern: "^projects/[^/]+$"}
      topicId: {role: new_id, place: query}
      body: {role: resource, type: json}
  queues_create:
    kind: create
    entity: queue
    http: {verb: PUT, path: "{+name}"}
    params:
      name: {role: new_id, place: path, required: true, pattern: "^projects/[^/]+/queues/[^/]+$"}
      body: {role: resource, type: json}
  topics_patch:
    kind: update
    entity: topic
    http: {verb: PATCH, path: "{+name}"}
    params:
      name: {role: row, entity: topic, place: path, required: true, pattern: "^projects/[^/]+/topics/[^/]+$"}
      updateMask: {role: mask, place: query}
      part: {role: inert, repeated: true, required: true, place: query}
      readMask: {role: read_mask, required: true, place: query}
      body: {role: resource, type: json}
  topics_delete:
    kind: delete
    entity: topic
    http: {verb: DELETE, path: "{+name}"}
    params:
      name: {role: row, entity: topic, place: path, required: true, pattern: "^projects/[^/]+/topics/[^/]+$"}
      force: {role: force, type: boolean, place: query}
      etag: {role: etag, place: query}
  subscriptions_create:
    kind: create
    entity: subscription
    http: {verb: POST, path: "{+parent}/subscriptions"}
    params:
      parent: {role: row, entity: topic, place: path, required: true, pattern: "^projects/[^/]+/topics/[^/]+$"}
      body: {role: resource, type: json}
  topics_seek:
    kind: record
    entity: topic
    params:
      name: {role: row, entity: topic, place: path, required: true}
      request: {role: input, type: json, required: true}
"""


@cache
def cloud():
    app = declared(AppDecl.model_validate(yaml.safe_load(CLOUD))).app()
    with World.build([app], seed=1, start_ms=1_741_000_000_000, step_ms=1000, persons=2) as world:
        for slug, body in (("one", {"displayName": "One", "keptDays": "7", "labels": {"a": "b"}}),
                           ("two", {"displayName": "Two", "isPublic": True})):  # fmt: skip
            made = world.call("cloud_topics_create", {"parent": "projects/alpha", "topicId": slug, "body": body})
            assert made.result.error is None, made.result.text
        sub = {"parent": "projects/alpha/topics/one", "body": {"title": "Sub"}}
        assert world.call("cloud_subscriptions_create", sub).result.error is None
        return app, world.snapshot()


ONE = "projects/alpha/topics/one"


@pytest.mark.parametrize(("operation", "arguments", "path", "values"), [
    ("topics_create", {"parent": "projects/beta", "topicId": "three", "body": {
        "displayName": "Three", "keptDays": "9", "labels": {"x": "y"}, "deadLetters": ONE, "isPublic": False}},
     "/cloud/topic/new", {"parent": "2", "topicId": "three", "display_name": "Three", "kept_days": "9",
                          "labels": '{"x": "y"}', "dead_letters": "1", "is_public": "false"}),
    ("topics_patch", {"name": ONE, "updateMask": "displayName,keptDays", "body": {"displayName": "New"},
                      "readMask": "name"},
     "/cloud/topic/1/edit", {"display_name": "New", "kept_days": ""}),
    ("topics_delete", {"name": ONE, "force": True}, "/cloud/topic/1/delete", {"force": "1"}),
    ("topics_delete", {"name": "projects/alpha/topics/two"}, "/cloud/topic/2/delete", {}),
    ("subscriptions_create", {"parent": ONE, "body": {"title": "More"}}, "/cloud/subscription/new?topic=1",
     {"title": "More"}),
    ("queues_create", {"name": "projects/beta/queues/q1", "body": {"depth": 4}}, "/cloud/queue/new",
     {"in_project": "2", "name": "q1", "depth": "4"}),
    ("topics_seek", {"name": ONE, "request": {"time": "now"}}, "/cloud/topic/1/do/topics_seek",
     {"request": '{"time": "now"}'}),
])  # fmt: skip
def test_operations_of_a_compiled_kind_are_done_in_the_pages_too(operation, arguments, path, values):
    app, start = cloud()
    with World.fork(start, [app]) as world, World.fork(start, [app]) as other:
        result = other.call(f"cloud_{operation}", arguments).result
        assert result.error is None, result.text
        reply = fill(world, path, **values)
        assert reply.status == 303, reply.text
        assert world.state_digest == other.state_digest
        assert get(world, reply.headers["location"]).status == 200


def test_rows_whose_parent_their_name_tells_are_listed_and_made_under_it():
    app, start = cloud()
    with World.fork(start, [app]) as world:
        reply = fill(world, "/cloud/queue/new?in_project=2", name="q1")
        assert reply.headers["location"].startswith("/cloud/queue/1?")
        page = get(world, "/cloud/project/2").text
        assert 'href="/cloud/queue/1"' in page
        assert 'href="/cloud/queue/new?in_project=2"' in page
        assert rows_on(tree(get(world, "/cloud/queue?in_project=2"))) == [1]
        assert rows_on(tree(get(world, "/cloud/queue?in_project=1"))) == []
        refused = fill(world, "/cloud/queue/new", name="q2")
        assert refused.status == 400
        assert tree(refused).css_first("#wrong-in_project")


def test_a_request_that_is_only_recorded_is_not_said_to_be_done():
    app, start = cloud()
    with World.fork(start, [app]) as world:
        reply = fill(world, "/cloud/topic/1/do/topics_seek", request='{"time": "now"}')
        told = tree(get(world, reply.headers["location"])).css_first('[role="status"]').text()
        assert told == "Seek: recorded; nothing here shows it."


def test_a_form_that_is_sent_twice_is_one_request_and_shown_anew_another():
    app, start = cloud()
    with World.fork(start, [app]) as world:

        def drives():
            return one(world, "SELECT count(*) FROM cloud_drive")

        action, held = form_of(tree(get(world, "/cloud/drive/new")))
        refused = post(world, action, held)
        assert refused.status == 400
        assert form_of(tree(refused))[1] == held
        for _ in range(2):
            assert post(world, action, {**held, "name": "Plans"}).status == 303
        assert drives() == 1
        assert fill(world, "/cloud/drive/new", name="Plans").status == 303
        assert drives() == 2


def test_a_row_that_was_changed_since_its_form_was_shown_is_not_deleted_unseen():
    app, start = cloud()
    with World.fork(start, [app]) as world:
        action, held = form_of(tree(get(world, "/cloud/topic/2/delete")))
        assert fill(world, "/cloud/topic/2/edit", display_name="Changed").status == 303
        before = world.state_digest
        reply = post(world, action, held)
        assert reply.status == 412
        assert "changed since" in tree(reply).css_first('[role="alert"]').text()
        assert world.state_digest == before


def test_a_refused_delete_can_be_forced_where_the_operation_allows_it():
    app, start = cloud()
    with World.fork(start, [app]) as world:
        reply = fill(world, "/cloud/topic/1/delete")
        assert reply.status == 409
        assert "1 subscription" in reply.text
        assert fill(world, "/cloud/topic/1/delete", force="1").headers["location"].startswith("/cloud/project/1?")


@pytest.mark.parametrize(("page", "words"), [
    ({"columns": ["nothing"]}, "no field nothing"),
    ({"columns": ["secret"]}, "hidden"),
    ({"filters": ["extra"]}, "json"),
    ({"order": "text sideways"}, "no order"),
    ({"order": "nothing"}, "no field nothing"),
    ({"template": "{% if %}"}, "line 1 of the template"),
])  # fmt: skip
def test_pages_that_cannot_be_shown_are_refused_with_the_declaration(page, words):
    fields = {"text": {}, "secret": {"hidden": True}, "extra": {"type": "json"}}
    decl = {"app": "memo", "title": "Memos", "entities": {"memo": {"fields": fields}}, "pages": {"memo": page}}
    with pytest.raises(DeclError, match=words):
        declared(AppDecl.model_validate(decl))


@pytest.mark.parametrize("path", ["/shop/", "/shop/do", "/shop/nothing", "/shop/search"])
def test_a_form_sent_to_where_there_is_none_is_refused_and_changes_nothing(world, path):
    before = world.full_digest()
    assert post(world, path, {"a": "1"}).status in (404, 405)
    assert world.full_digest() == before
