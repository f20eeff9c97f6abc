"""Pictures of pages by Chromium, as small WebP files."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SIZES: Mapping[str, tuple[int, int]] = {"desk": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
# Chromium writes WebP itself, so no library for pictures is needed.
_TO_WEBP = """async png => {
  const answer = await fetch(`data:image/png;base64,${png}`);
  const bitmap = await createImageBitmap(await answer.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const blob = await canvas.convertToBlob({type: "image/webp", quality: 0.82});
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, each => String.fromCharCode(each)).join(""));
}"""


@dataclass(frozen=True)
class Picture:
    """A picture of a page in one size; there is one of each scheme.

    Attributes:
        name: The first part of its files' names.
        path: The path of the page.
        size: ``desk`` or ``phone``.
    """

    name: str
    path: str
    size: str

    def file(self, scheme: str) -> str:
        """Return the name of its file."""
        return f"{self.name}-{self.size}-{scheme}.webp"


@contextmanager
def camera(chromium: str) -> Iterator[Browser]:
    """Run a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


def take(
    browser: Browser, url: str, secret: str, pictures: tuple[Picture, ...], into: Path
) -> None:
    """Take each picture in each scheme, signed in by a token."""
    into.mkdir(parents=True, exist_ok=True)
    developing = browser.new_page()
    for scheme in SCHEMES:
        for size, (width, height) in SIZES.items():
            context = browser.new_context(
                base_url=url,
                color_scheme="dark" if scheme == "dark" else "light",
                viewport={"width": width, "height": height},
                device_scale_factor=1,
            )
            page = context.new_page()
            _sign_in(page, secret)
            for each in pictures:
                if each.size == size:
                    page.goto(each.path)
                    png = b64encode(page.screenshot()).decode()
                    webp = b64decode(developing.evaluate(_TO_WEBP, png))
                    (into / each.file(scheme)).write_bytes(webp)
            context.close()


def _sign_in(page: Page, secret: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Token").fill(secret)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
