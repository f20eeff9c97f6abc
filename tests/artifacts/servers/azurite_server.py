"""Azurite, the emulator of Azure's blob storage, in one process; it keeps all in memory."""

import base64
import hashlib
import hmac
import http.client
import os
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from waiting import free_ports, wait_until

if TYPE_CHECKING:
    from supervisor import Children

_PROGRAM = Path(__file__).parents[3] / ".azurite" / "node_modules" / ".bin" / "azurite-blob"
_ACCOUNT = "tester"
_VERSION = "2021-08-06"


def start(_folder: Path, children: "Children") -> dict[str, str]:
    """Start the server and make a container; return how to reach it."""
    (port,) = free_ports(1)
    key = base64.b64encode(os.urandom(64)).decode()
    os.environ["AZURITE_ACCOUNTS"] = f"{_ACCOUNT}:{key}"
    children.start(
        *(str(_PROGRAM), "--inMemoryPersistence", "--silent"),
        *("--blobHost", "127.0.0.1", "--blobPort", str(port), "--skipApiVersionCheck"),
    )

    def made() -> bool:
        children.require_running()
        return _make_container(port, key, "pedigree-tests")

    wait_until(made, "the start of Azurite")
    return {
        "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{port}",
        "AZURE_STORAGE_USE_EMULATOR": "true",
        "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": key,
    }


def _make_container(port: int, key: str, name: str) -> bool:
    # https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    path, date = f"/{_ACCOUNT}/{name}", formatdate(usegmt=True)
    signed = (
        "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{_VERSION}\n"
        f"/{_ACCOUNT}{path}\nrestype:container"
    )
    proof = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": _VERSION,
        "Authorization": f"SharedKey {_ACCOUNT}:{base64.b64encode(proof).decode()}",
        "Content-Length": "0",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("PUT", f"{path}?restype=container", headers=headers)
        return connection.getresponse().status == http.HTTPStatus.CREATED
    except OSError:
        return False
    finally:
        connection.close()
