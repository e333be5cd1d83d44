"""The tree of errors: one boundary, what to do, and the way through a pickle."""

from __future__ import annotations

import errno
import os
import pickle

import pytest

from factory import errors
from factory.errors import BuildError, GrindError, InputGone, SandboxError, VerifierError, boundary
from sandboxes.base import LayerMissing, SandboxFault, Unsupported

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GrindError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_a_pickle(kind):
    error = pickle.loads(pickle.dumps(kind("what", "do this")))
    assert (type(error), error.message, error.hint) == (kind, "what", "do this")
    assert str(error) == "what (do this)"


def test_the_boundary_turns_anything_foreign_into_the_kind_asked_for():
    with (
        pytest.raises(VerifierError, match="verify x: ZeroDivisionError") as caught,
        boundary(VerifierError, "verify x"),
    ):
        1 / 0  # noqa: B018
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_boundary_leaves_what_was_classified_already():
    with pytest.raises(InputGone, match=r"^gone$"), boundary(BuildError, "build"):
        raise InputGone("gone")


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)])
def test_the_boundary_says_plainly_that_a_disk_is_full_and_what_to_do(number, full):
    with pytest.raises(BuildError) as caught, boundary(BuildError, "build x"):
        raise OSError(number, os.strerror(number), "/home/x")
    assert (caught.value.message == "build x: no space left on the disk for /home/x") is full
    assert ("GRINDWORKS_HOME" in caught.value.hint) is full


def test_an_interrupt_is_no_error_to_classify():
    with pytest.raises(KeyboardInterrupt), boundary(BuildError, "build"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("raised", "kind"), [(SandboxFault, SandboxError), (Unsupported, SandboxError), (LayerMissing, InputGone)]
)
def test_what_a_sandbox_raises_keeps_its_meaning_whatever_was_being_done(raised, kind):
    with pytest.raises(GrindError, match="no mount") as caught, boundary(VerifierError, "verify"):
        raise raised("no mount")
    assert type(caught.value) is kind
