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

    @property
    def media(self) -> str:
        """The content type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def __str__(self) -> str:
        return f"{self.asked} -> {self.status} {' '.join(self.text[:140].split())}"


def no_error(answer: Answer) -> str:
    """Why an answer is no error of any form; empty where it is one."""
    if not 400 <= answer.status < 600:
        return f"{answer.status} is no status of an error"
    if not isinstance(answer.json, dict):
        return "an error has no JSON object as its body"
    return "the app broke" if answer.status >= 500 and answer.status != 501 else ""


def error_fault(form: str, answer: Answer) -> str:
    """What is wrong with an error of the ``form`` that has this name; empty where nothing is."""
    told = answer.json
    if form == "problem":
        whole = told.get("status") == answer.status and isinstance(told.get("title"), str)
        return "" if whole and answer.media == "application/problem+json" else "it is no problem document of RFC 9457"
    error = told.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("message"), str) or not error["message"]:
        return "there is no error.message"
    if form == "google" and error.get("code") != answer.status:
        return f"error.code is {error.get('code')!r}, the status {answer.status}"
    return "" if error.get("code") else "there is no error.code"
