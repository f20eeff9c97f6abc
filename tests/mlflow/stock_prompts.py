"""What an unmodified client of MLflow does with prompts and webhooks, as one program.

``python stock_prompts.py READER_TOKEN`` prints one line of JSON: what each step gave. The client's
own token is in its environment.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent
from mlflow.exceptions import MlflowException
from mlflow.genai import (
    delete_prompt_alias,
    delete_prompt_model_config,
    delete_prompt_tag,
    delete_prompt_version_tag,
    get_prompt_tags,
    load_prompt,
    register_prompt,
    search_prompts,
    set_prompt_alias,
    set_prompt_model_config,
    set_prompt_tag,
    set_prompt_version_tag,
)
from mlflow.webhooks.delivery import _generate_hmac_signature

SECRET = "a secret of the receiver"
WAIT_S = 60.0
# What clients write into a prompt when they load it for an experiment, in a thread.
LINK = "_mlflow_experiment_ids"

Requests = list[tuple[dict[str, str], str]]
client = MlflowClient()


def fresh(uri: str, **options: Any) -> Any:
    return load_prompt(uri, cache_ttl_seconds=0, **options)


def refused(work: Callable[[], object]) -> str:
    try:
        return f"returned {work()}"
    except MlflowException as error:
        return str(error.error_code)


def tags_of(name: str) -> dict[str, str]:
    return {key: value for key, value in get_prompt_tags(name).items() if key != LINK}


def names(filter_string: str | None = None) -> list[str]:
    return sorted(each.name for each in search_prompts(filter_string))


def prompts(reader: str) -> Iterator[tuple[str, object]]:
    """Yield each step with its result."""
    first = register_prompt("greeting", "Hello {{x}}", commit_message="first", tags={"team": "a"})
    yield "registered", [first.version, first.template, first.commit_message, first.tags]
    second = register_prompt("greeting", "Hi {{x}}", commit_message="second")
    yield "registered again", [second.version, second.template]
    chat = register_prompt(
        "assistant",
        [{"role": "system", "content": "Be {{style}}"}],
        response_format={"type": "object"},
        model_config={"temperature": 0.5},
    )
    yield "chat", [chat.version, chat.template, chat.response_format, chat.model_config]
    yield (
        "by version",
        [fresh("greeting", version=1).template, fresh("prompts:/greeting/2").template],
    )
    yield "formatted", fresh("prompts:/greeting/1").format(x="Ann")
    yield "latest", [fresh("prompts:/greeting@latest").version, fresh("greeting").version]
    # The name of a stage, which is an alias of a prompt.
    set_prompt_alias("greeting", "production", 1)
    yield "by alias", fresh("prompts:/greeting@production").version
    set_prompt_alias("greeting", "production", 2)
    yield "moved alias", fresh("prompts:/greeting@production").version
    found = client.get_prompt_version_by_alias("greeting", "production")
    yield "alias shown", [found.version, list(found.aliases)]
    delete_prompt_alias("greeting", "production")
    yield "no alias", refused(lambda: fresh("prompts:/greeting@production"))
    set_prompt_tag("greeting", "owner", "ann")
    yield "tag", tags_of("greeting")
    delete_prompt_tag("greeting", "owner")
    yield "no tag", tags_of("greeting")
    set_prompt_version_tag("greeting", 1, "state", "good")
    yield "version tag", client.get_prompt_version("greeting", "1").tags
    delete_prompt_version_tag("greeting", 1, "state")
    yield "no version tag", client.get_prompt_version("greeting", "1").tags
    set_prompt_model_config("greeting", 1, {"model_name": "gpt", "temperature": 0.1})
    yield "model config", fresh("prompts:/greeting/1").model_config
    delete_prompt_model_config("greeting", 1)
    yield "no model config", fresh("prompts:/greeting/1").model_config
    yield from searches()
    yield "described", client.get_prompt("greeting").description
    yield "missing", fresh("prompts:/nowhere/1", allow_missing=True)
    yield "missing version", refused(lambda: fresh("prompts:/greeting/9"))
    yield "name of a model", refused(lambda: register_prompt("churn", "x"))
    yield "name that is not allowed", refused(lambda: register_prompt("a/b", "x"))
    os.environ["MLFLOW_TRACKING_TOKEN"], writer = reader, os.environ["MLFLOW_TRACKING_TOKEN"]
    yield "a reader loads", fresh("prompts:/greeting/1").template
    yield "a reader may not register", refused(lambda: register_prompt("greeting", "x"))
    os.environ["MLFLOW_TRACKING_TOKEN"] = writer
    client.delete_prompt_version("greeting", "2")
    yield "latest after a deletion", fresh("prompts:/greeting@latest").version
    client.delete_prompt_version("greeting", "1")
    client.delete_prompt("greeting")
    yield "deleted", names()


def searches() -> Iterator[tuple[str, object]]:
    """Yield what searches find."""
    client.create_registered_model("churn")
    yield "found", names()
    yield "found by name", names("name LIKE 'greet%'")
    yield "found by tag", names("tags.`team` = 'a'")
    set_prompt_tag("assistant", LINK, ",7,")
    yield "found by experiment", names('experiment_id = "7"')
    page = client.search_prompts(max_results=1)
    further = client.search_prompts(max_results=1, page_token=page.token)
    yield "by pages", [each.name for each in (*page, *further)]
    yield "models", [each.name for each in client.search_registered_models()]


@contextmanager
def receiving(requests: Requests) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            requests.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def wait_for(requests: Requests, count: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while len(requests) < count and time.monotonic() < deadline:
        time.sleep(0.05)


def is_signed(headers: dict[str, str], body: str) -> bool:
    """Whether MLflow's own function signs it the same way."""
    parts = (headers["X-MLflow-Delivery-Id"], headers["X-MLflow-Timestamp"])
    return headers["X-MLflow-Signature"] == _generate_hmac_signature(SECRET, *parts, body)


def kinds(requests: Requests) -> dict[str, list[str]]:
    """The kinds of the messages about each name, in their order."""
    found: dict[str, list[str]] = {}
    for _, body in requests:
        content = json.loads(body)
        about = found.setdefault(content["data"]["name"], [])
        about.append(f"{content['entity']}.{content['action']}")
    return found


def webhooks() -> Iterator[tuple[str, object]]:
    """Yield each step with its result."""
    events = [
        WebhookEvent(WebhookEntity.REGISTERED_MODEL, WebhookAction.CREATED),
        WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED),
        WebhookEvent(WebhookEntity.MODEL_VERSION_TAG, WebhookAction.SET),
        WebhookEvent(WebhookEntity.MODEL_VERSION_TAG, WebhookAction.DELETED),
        WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED),
        WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.DELETED),
        WebhookEvent(WebhookEntity.PROMPT, WebhookAction.CREATED),
        WebhookEvent(WebhookEntity.PROMPT_VERSION, WebhookAction.CREATED),
    ]
    requests: Requests = []
    with receiving(requests) as url:
        made = client.create_webhook("ci", url, events, description="tells CI", secret=SECRET)
        known = client.get_webhook(made.webhook_id)
        yield "webhook", [known.name, known.description, str(known.status), known.secret]
        yield "its events", known.events == events
        yield "listed", [each.webhook_id == made.webhook_id for each in client.list_webhooks()]
        tested = client.test_webhook(made.webhook_id, "prompt.created")
        yield "tested", [tested.success, tested.response_status, tested.error_message]
        changes()
        wait_for(requests, 9)
        yield "messages", kinds(requests)
        yield "signed", all(is_signed(*each) for each in requests)
        yield "ids", len({headers["X-MLflow-Delivery-Id"] for headers, _ in requests})
        changed = client.update_webhook(made.webhook_id, name="cd", status="DISABLED")
        yield "changed", [changed.name, str(changed.status), changed.url == url]
        client.delete_webhook(made.webhook_id)
        yield "gone", refused(lambda: client.get_webhook(made.webhook_id))


def changes() -> None:
    """Do what the webhook receives, one after the other."""
    client.create_registered_model("fraud", tags={"a": "b"})
    client.create_model_version("fraud", "s3://bucket/a", await_creation_for=0)
    client.set_model_version_tag("fraud", "1", "k", "v")
    client.delete_model_version_tag("fraud", "1", "k")
    client.set_registered_model_alias("fraud", "best", "1")
    client.delete_registered_model_alias("fraud", "best")
    register_prompt("asked", "Why {{x}}?")


def main() -> None:
    """Run all steps."""
    steps = {**dict(prompts(sys.argv[1])), **dict(webhooks())}
    sys.stdout.write(f"{json.dumps(steps, default=repr)}\n")


if __name__ == "__main__":
    main()
