"""Which addresses may be asked for a picture: of machines (is_public) and of pictures (parse, join). No I/O here.

Rules this file keeps: an address is public only if no registry sets it apart, and what cannot be told is not public.
A URL is normalised as the WHATWG URL standard does and no further, because signed URLs break when `%2F` becomes `/`;
what that standard would repair (backslashes, tabs, missing slashes, odd numbers as hosts) is refused instead.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from yarl import URL

MAX_URL_BYTES: Final = 8192
"""Length of a URL, before and after normalising; common servers take as much (RFC 9110, 4.1 asks for 8000)."""

MAX_HOST_BYTES: Final = 253
"""Length of a host name without its last dot (RFC 1035, 2.3.4)."""

NOT_PUBLIC_IPV4: Final = {
    # IANA IPv4 Special-Purpose Address Registry, called globally reachable or not: no picture lives in any of it
    "0.0.0.0/8": "this network, RFC 791",
    "10.0.0.0/8": "private, RFC 1918",
    "100.64.0.0/10": "shared, RFC 6598 (and a cloud's metadata, 100.100.100.200)",
    "127.0.0.0/8": "loopback, RFC 1122",
    "169.254.0.0/16": "link local, RFC 3927 (and most clouds' metadata, 169.254.169.254)",
    "172.16.0.0/12": "private, RFC 1918",
    "192.0.0.0/24": "protocol assignments, RFC 6890 (and a cloud's metadata, 192.0.0.192)",
    "192.0.2.0/24": "documentation, RFC 5737",
    "192.31.196.0/24": "AS112, RFC 7535",
    "192.52.193.0/24": "AMT, RFC 7450",
    "192.88.99.0/24": "6to4 relays, RFC 7526",
    "192.168.0.0/16": "private, RFC 1918",
    "192.175.48.0/24": "AS112, RFC 7534",
    "198.18.0.0/15": "benchmarking, RFC 2544",
    "198.51.100.0/24": "documentation, RFC 5737",
    "203.0.113.0/24": "documentation, RFC 5737",
    "240.0.0.0/4": "reserved, RFC 1112, with broadcast, RFC 8190",
    # IANA IPv4 Multicast Address Space Registry
    "224.0.0.0/4": "multicast, RFC 5771",
    # Microsoft, "What is IP address 168.63.129.16?": looks public, but is the host under every Azure machine
    "168.63.129.16/32": "Azure",
}

GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that IANA hands out as global unicast (RFC 4291, 2.4). So ::, ::1, v4-compatible ::/96, 64:ff9b:1::/48,
100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10 and ff00::/8 are not public without being named."""

NOT_PUBLIC_IPV6: Final = {
    # IANA IPv6 Special-Purpose Address Registry, what of it lies in 2000::/3
    "2001::/23": "protocol assignments, RFC 2928: Teredo (RFC 4380), benchmarking (RFC 5180), ORCHID (RFC 7343) ...",
    "2001:db8::/32": "documentation, RFC 3849",
    "2002::/16": "6to4, RFC 3056: holds an IPv4 address; its relays are gone (RFC 7526)",
    "2620:4f:8000::/48": "AS112, RFC 7534",
    "3fff::/20": "documentation, RFC 9637",
}

_IPV4 = tuple(ipaddress.IPv4Network(network) for network in NOT_PUBLIC_IPV4)
_IPV6 = tuple(ipaddress.IPv6Network(network) for network in NOT_PUBLIC_IPV6)

# IPv6 spellings of IPv4 addresses that are in daily use: v4-mapped (RFC 4291, 2.5.5.2) and NAT64 (RFC 6052, 2.1)
_SPELLS_IPV4 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # upper half of the interface identifier, RFC 5214, 6.1: an IPv4 address follows


def is_public(address: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether a machine at this address is on the public internet, and an IPv4 address hidden in it too.

    Stricter than `ipaddress`'s is_global, which is true of NAT64, 6to4, multicast and more, whatever they lead to.
    What is not an address in its plain spelling, or has a scope (`fe80::1%eth0`), is not public.
    """
    if isinstance(address, str):
        try:
            address = ipaddress.ip_address(address)
        except ValueError:
            return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _IPV4)
    if address.scope_id is not None:
        return False
    hidden = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if any(address in network for network in _SPELLS_IPV4):
        return is_public(hidden)
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP and not is_public(hidden):
        return False
    return address in GLOBAL_UNICAST and not any(address in network for network in _IPV6)


def machine(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The machine that an address in its plain spelling leads to, so that two spellings of one can be compared.

    None for what is no address, or has a scope: is_public knows no such machine either.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        if any(found in network for network in _SPELLS_IPV4):
            return ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return found


def network(address: str) -> str:
    """Whose address it is, roughly: the /24 of an IPv4 address, the /48 of an IPv6 one (RFC 6177: what a site gets)."""
    found = machine(address)
    if found is None:
        return address
    return str(ipaddress.ip_network((int(found), 24 if found.version == 4 else 48), strict=False))


class AddressError(ValueError):
    """This URL is not asked for. The message is a sentence for the client, about the text and not about any machine."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for, if its machine may. `host` stands without brackets, `query` without its `?`."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None

    @property
    def origin(self) -> str:
        """Scheme, host and port as they stand in a URL; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        """The very text to ask for: ASCII, without fragment."""
        return f"{self.origin}{self.path}" + ("" if self.query is None else f"?{self.query}")


_PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.I | re.S
)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
# WHATWG URL, "ends in a number": getaddrinfo takes such a host for an IPv4 address (0x7f.1, 2130706433, 0177.0.0.1)
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_REFUSED = re.compile(r"[\x00-\x1f\x7f\\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# ASCII that stays as it is (WHATWG URL, path and special-query percent-encode sets); the percent sign is among it
_PATH_KEEPS = "!$%&'()*+,/:;=@[]|"
_QUERY_KEEPS = "!$%&()*+,/:;=?@[]^`{|}"


def parse(text: str, ports: Collection[int]) -> Target:
    """Read an absolute http or https URL whose port is one of `ports`; raises AddressError.

    Percent escapes stay as they are; an empty query goes, because the client that asks leaves it out.
    Lone surrogates, as `surrogateescape` makes them, become the bytes that they were.
    """
    if len(text) > MAX_URL_BYTES:
        raise AddressError("The address is too long.")
    if _REFUSED.search(text) or text != text.strip(" "):
        raise AddressError("The address has a character that does not belong in a URL.")
    url = _URL.fullmatch(text)
    if not url:
        raise AddressError("The address is not an http or https URL.")
    if "@" in url["authority"]:
        raise AddressError("The address has a user name or password in it.")
    authority = _AUTHORITY.fullmatch(url["authority"])
    if not authority:
        raise AddressError("The address has no valid host.")
    scheme = url["scheme"].lower()
    port = int(authority["port"] or _PORTS[scheme])
    if port not in ports:
        raise AddressError("The address has a port that is not allowed.")
    try:
        path = _without_dots(quote(url["path"], safe=_PATH_KEEPS, errors="surrogateescape"))
        query = None if not url["query"] else quote(url["query"], safe=_QUERY_KEEPS, errors="surrogateescape")
    except UnicodeEncodeError:
        raise AddressError("The address has a character that does not belong in a URL.") from None
    target = Target(scheme, _host(authority["host"]), port, path, query)
    if len(target.url) > MAX_URL_BYTES:
        raise AddressError("The address is too long.")
    return target


def join(base: Target, location: str, ports: Collection[int]) -> Target:
    """Read a Location header (RFC 9110, 10.2.2), which may be relative to `base`, as strictly as `parse`."""
    if _SCHEME.match(location):
        return parse(location, ports)
    if location.startswith("//"):
        return parse(f"{base.scheme}:{location}", ports)
    if location.startswith("/"):
        return parse(base.origin + location, ports)
    if location.startswith("?"):
        return parse(base.origin + base.path + location, ports)
    if not location.partition("#")[0]:
        return base
    return parse(base.origin + base.path.rpartition("/")[0] + "/" + location, ports)


def _host(host: str) -> str:
    """Return the host as it is connected to: an IP address in its plain spelling, or a name in ASCII (IDNA, UTS 46)."""
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1]))
        if not host.isascii():
            host = URL.build(scheme="http", host=host).raw_host or ""
        host = host.lower()
        if _NUMBER.fullmatch(host):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise AddressError("The address has no valid host.") from None
    if not _NAME.fullmatch(host) or len(host.removesuffix(".")) > MAX_HOST_BYTES:
        raise AddressError("The address has no valid host.")
    return host


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` and their escaped spellings, as the WHATWG URL standard's path state does."""
    kept: list[str] = []
    segments = path.split("/")[1:] or [""]
    for number, segment in enumerate(segments, 1):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
        if dots in (".", "..") and number == len(segments):
            kept.append("")
    return "/" + "/".join(kept)
