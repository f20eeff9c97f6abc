"""How wide a text is in the font of the pages, so that it stays within its box."""

from functools import cache

# Advances of the characters from U+0020 to U+007E in Inter, in thousandths of the size, by weight.
_REGULAR = """
281 288 466 633 642 982 644 300 365 365 501 662 288 460 288 360 640 640 640 640 640 640 640 640
640 640 288 302 662 662 662 511 966 690 654 730 722 601 590 746 743 269 571 672 565 903 753 765
639 765 644 642 646 744 690 985 682 679 629 365 360 365 471 456 323 562 612 571 612 583 370 613
591 242 242 549 242 876 591 600 612 612 376 528 327 591 562 818 546 562 552 426 333 426 662
"""
_BOLD = """
252 321 523 644 650 1004 663 326 373 373 540 673 319 465 319 379 660 660 660 660 660 660 660 660
660 660 319 329 673 673 673 543 999 728 659 737 722 605 588 749 746 277 580 703 565 922 759 769
645 773 652 650 660 736 728 1020 720 713 652 373 379 373 481 469 351 574 624 583 624 591 389 625
612 262 262 569 262 900 612 609 624 624 397 549 353 612 587 839 569 588 566 455 359 455 673
"""
_FIRST = 0x20
# Beyond ASCII a fallback font draws; the widest of the usual scripts are squares.
_NARROW_SCRIPTS = 0x1100
_WIDEST, _OTHER = 1_000, 760
# Where the font is not loaded yet, a system's own takes its place, which may be somewhat wider.
_MARGIN = 1.04
ELLIPSIS = "…"


@cache
def _advances(is_bold: bool) -> tuple[int, ...]:
    return tuple(map(int, (_BOLD if is_bold else _REGULAR).split()))


def width_of(text: str, size: float, *, is_bold: bool = False) -> float:
    """Return the width of a text, with a margin for other fonts.

    Args:
        text: The text.
        size: The size of the font; the width has the same unit.
        is_bold: Whether it is semibold.
    """
    advances = _advances(is_bold)
    total = 0
    for character in text:
        place = ord(character) - _FIRST
        if 0 <= place < len(advances):
            total += advances[place]
        else:
            total += _WIDEST if ord(character) >= _NARROW_SCRIPTS else _OTHER
    return total * size / 1000 * _MARGIN


def shortened(
    text: str, most: float, size: float, *, is_bold: bool = False, keeps_end: bool = False
) -> str:
    """Return a text that is at most as wide as given, with an ellipsis if it is cut.

    Args:
        text: The text.
        most: The width.
        size: The size of the font.
        is_bold: Whether it is semibold.
        keeps_end: Cut the beginning instead of the end: keys of assets differ in their ends.

    >>> shortened("warehouse/eu/customers", 90, 12, keeps_end=True)
    '…e/eu/customers'
    """
    if width_of(text, size, is_bold=is_bold) <= most:
        return text
    low, high = 0, len(text)
    while low < high:  # the longest part that fits
        middle = (low + high + 1) // 2
        if width_of(_cut(text, middle, keeps_end), size, is_bold=is_bold) <= most:
            low = middle
        else:
            high = middle - 1
    return _cut(text, low, keeps_end)


def _cut(text: str, count: int, keeps_end: bool) -> str:
    if keeps_end:
        return ELLIPSIS + (text[-count:] if count else "")
    return text[:count] + ELLIPSIS
