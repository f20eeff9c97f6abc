"""Drives a stock client of MLflow, in its own environment: one call a line of JSON, over pipes.

::

    {"call": "create_registered_model", "args": {"name": "a"}}

The answer has what the call returned or raised, and each HTTP exchange that it took. It is run by
the Python of an environment with MLflow, and imports nothing of ours.
"""

import json
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SENT_HEADERS = ("Content-Type", "X-MLflow-Client-Version")


class Exchanges:
    """What went over the wire since it was last asked."""

    def __init__(self, sessions: Any) -> None:
        self.seen: list[dict[str, Any]] = []
        send = sessions.send

        def noted(session: Any, request: Any, **options: Any) -> Any:
            answer = send(session, request, **options)
            self.seen.append(exchange(request, answer))
            return answer

        sessions.send = noted

    def taken(self) -> list[dict[str, Any]]:
        """Return them, and forget them."""
        seen, self.seen = self.seen, []
        return seen


def exchange(request: Any, answer: Any) -> dict[str, Any]:
    """Return a request and its answer as JSON."""
    split = urlsplit(request.url)
    return {
        "method": request.method,
        "path": split.path,
        "query": parse_qsl(split.query, keep_blank_values=True),
        "headers": {name: request.headers.get(name) for name in SENT_HEADERS},
        "body": loaded(request.body),
        "status": answer.status_code,
        "type": (answer.headers.get("content-type") or "").partition(";")[0],
        "answer": loaded(answer.text),
    }


def loaded(text: Any) -> Any:
    """Return a text as the JSON that it is; as it is otherwise."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        if isinstance(text, bytes):
            return text.decode(errors="replace")
        return text if text is None or isinstance(text, str) else type(text).__name__  # a file


def plain(value: Any) -> Any:
    """Return an entity of MLflow as JSON."""
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        token = getattr(value, "token", None)
        items = [plain(each) for each in value]
        return {"items": items, "token": token} if token else items
    fields = dict(value)
    return {"is": type(value).__name__, **{key: plain(each) for key, each in fields.items()}}


def double(model_input: list[float]) -> list[float]:
    """Predict: the model of the load path."""
    return [2 * each for each in model_input]


def logged_model() -> dict[str, str]:
    """Log a model in a run, and return what names it."""
    import mlflow

    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(name="model", python_model=double, pip_requirements=[])
    return {"run_id": logged.run_id, "model_id": logged.model_id}


def predicted(uri: str) -> list[float]:
    """Load a model, and return what it predicts."""
    import mlflow

    predictions: list[float] = mlflow.pyfunc.load_model(uri).predict([1.0, 2.5])
    return predictions


OF_SEVERAL_CALLS = {each.__name__: each for each in (logged_model, predicted)}


def main() -> None:
    """Answer calls until the input ends: of the tracking server and the registry that are given."""
    # Not at the top: the tests import what this module knows of JSON, and have no MLflow.
    import mlflow
    import requests
    from mlflow.exceptions import MlflowException

    # MLflow prints where a run is seen, which is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    exchanges = Exchanges(requests.Session)
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_registry_uri(sys.argv[2])
    client = mlflow.MlflowClient()
    print(json.dumps({"ready": mlflow.__version__}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["call"]
        call = OF_SEVERAL_CALLS.get(name) or getattr(client, name, None) or getattr(mlflow, name)
        answer: dict[str, Any]
        try:
            answer = {"returned": plain(call(**asked["args"]))}
        except MlflowException as error:
            answer = {"raised": error.error_code, "message": error.message}
        except Exception as error:
            answer = {"raised": type(error).__name__, "message": str(error)}
        shown = json.dumps({**answer, "exchanges": exchanges.taken()})
        print(shown, file=answers, flush=True)


if __name__ == "__main__":
    main()
