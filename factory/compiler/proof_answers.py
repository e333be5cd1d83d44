"""What an app answers, and whether an error has the API's own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``json``: None where the body is none."""

    status: int
    json: Json
    text: str
    headers: Mapping[str, str]
    asked: str

    @property
    def ok(self) -> bool:
        """Whether the request was granted."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.asked} -> {self.status} {' '.join(self.text[:140].split())}"


def error_fault(form: str, answer: Answer) -> str:
    """What is wrong with an answer as an error of the API's ``form``; empty where nothing is."""
    if not 400 <= answer.status < 600:
        return f"{answer.status} is no status of an error"
    told = answer.json
    if not isinstance(told, dict):
        return "an error has no JSON object as its body"
    if answer.status >= 500 and answer.status != 501:
        return "the app broke"
    if form == "problem":
        whole = told.get("status") == answer.status and isinstance(told.get("title"), str)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        return "" if whole and kind == "application/problem+json" else "it is no problem document of RFC 9457"
    error = told.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("message"), str) or not error["message"]:
        return "there is no error.message"
    if form == "google" and error.get("code") != answer.status:
        return f"error.code is {error.get('code')!r}, the status {answer.status}"
    return "" if error.get("code") else "there is no error.code"
