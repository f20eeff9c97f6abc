"""The checksum CRC-32C (Castagnoli), by which Google's key service checks what it receives."""

_POLYNOMIAL = 0x82F63B78  # reversed, as RFC 3720 uses it
_ONES = 0xFFFFFFFF


def crc32c(content: bytes) -> int:
    """Return the checksum of some bytes (RFC 3720, section 12.1).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    found = _ONES
    for byte in content:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ (_POLYNOMIAL if found & 1 else 0)
    return found ^ _ONES
