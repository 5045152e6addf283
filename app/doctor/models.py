"""The accounts' lists of models, and what answers the models that common clients ask for."""

from collections.abc import Iterator, Mapping
from time import time

from app.catalogue.assembly import listed_models
from app.catalogue.commands import account_line, read_lists
from app.catalogue.live import Lister
from app.catalogue.record import Record
from app.client_setup import defaults
from app.common.program import command
from app.credentials import Condition, Credentials
from app.models.catalogue import STATIC, Catalogue
from app.models.model import Model
from app.settings import Settings

from .finding import Finding, ok, warning


def default_model(settings: Settings, credentials: Credentials, lister: Lister) -> Model:
    """The model that answers a request which names none."""
    choice, _ = read_lists(settings, credentials, lister)
    return choice.names.resolve(choice.names.default_name()).model


def lists(settings: Settings, credentials: Credentials, lister: Lister) -> Iterator[Finding]:
    """How old each list is, and the answers to the clients' defaults. Asks the service for what is
    due, unless an account would need a new token for that.
    """
    if all(one.state is Condition.READY for one in credentials.report()):
        choice, records = read_lists(settings, credentials, lister)
        yield from _ages(records)
        listed: Catalogue | None = choice.merged.catalogue
    else:
        listed = listed_models(settings, time())
        text = "the accounts' lists were not asked for, since not every login is proved"
        yield ok("models", text + ("" if listed else "; the answers below are from the usual ones"))
    yield from _answers(settings, listed or STATIC)


def _ages(records: Mapping[str, Record]) -> Iterator[Finding]:
    now = time()
    for account, record in records.items():
        line = account_line(account, record, now)
        if record.good(now):
            yield ok("models", line)
        else:
            means = "requests may name models that the account lacks"
            yield warning("models", line, means, f"`{command()} models --refresh` tries again")


def _answers(settings: Settings, catalogue: Catalogue) -> Iterator[Finding]:
    for answer in defaults.answers(settings, catalogue):
        text = f"{answer.default.who} ({answer.default.name}) is answered by {answer.model}"
        if answer.model and answer.is_same:
            yield ok("models", text)
        elif answer.model:
            yield ok("models", f"{text}, the nearest that there is")
        else:
            means = "that client gets a 404 unless its user chooses a model"
            text = f"{answer.default.who} asks for {answer.default.name}, which no account has"
            yield warning("models", text, means, "KIRO_UNKNOWN_MODEL=nearest answers it")
