"""In the development image: convert certificates from PEM format to a trust store for Java.

They come from standard input, and the store goes to standard output. It is a PKCS 12 file without
encryption and password, since nothing in it is secret. Java trusts the certificates in it that have
an attribute of Oracle's, which OpenSSL writes if it is given -jdktrust:
https://docs.openssl.org/3.2/man1/openssl-pkcs12/
"""

import re
import ssl
import sys

# Object identifiers, encoded: RFC 7292, appendix D, and RFC 5280.
DATA = bytes.fromhex("06092a864886f70d010701")
CERTIFICATE_BAG = bytes.fromhex("060b2a864886f70d010c0a0103")
X509_CERTIFICATE = bytes.fromhex("060a2a864886f70d01091601")
FRIENDLY_NAME = bytes.fromhex("06092a864886f70d010914")
TRUSTED_KEY_USAGE = bytes.fromhex("060c6086480186f966adca7b0101")
ANY_USAGE = bytes.fromhex("0604551d2500")

VERSION = bytes.fromhex("020103")
OCTETS, TEXT, SEQUENCE, SET, TAGGED = 0x04, 0x1E, 0x30, 0x31, 0xA0


def encode(tag: int, *parts: bytes) -> bytes:
    """Return a value in DER: its tag, its length, and its content."""
    content = b"".join(parts)
    length = len(content).to_bytes(4).lstrip(b"\0") or b"\0"
    if len(content) > 127:
        length = bytes([0x80 + len(length)]) + length
    return bytes([tag]) + length + content


def wrap(kind: bytes, content: bytes) -> bytes:
    """Return a content with its kind."""
    return encode(SEQUENCE, kind, encode(TAGGED, encode(OCTETS, content)))


def entry(number: int, certificate: str) -> bytes:
    """Return the entry of a certificate in PEM format."""
    name = encode(TEXT, f"certificate-{number}".encode("utf-16-be"))
    return encode(
        SEQUENCE,
        CERTIFICATE_BAG,
        encode(TAGGED, wrap(X509_CERTIFICATE, ssl.PEM_cert_to_DER_cert(certificate))),
        encode(
            SET,
            encode(SEQUENCE, FRIENDLY_NAME, encode(SET, name)),
            encode(SEQUENCE, TRUSTED_KEY_USAGE, encode(SET, ANY_USAGE)),
        ),
    )


PEM = r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----"
entries = [entry(*item) for item in enumerate(re.findall(PEM, sys.stdin.read()), 1)]
safe = encode(SEQUENCE, wrap(DATA, encode(SEQUENCE, *entries)))
sys.stdout.buffer.write(encode(SEQUENCE, VERSION, wrap(DATA, safe)))
