"""Which machines are public, which URLs are asked for, and that exactly the URL given is asked for."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.fetch.address import (
    MAX_URL_BYTES,
    NOT_PUBLIC_IPV4,
    NOT_PUBLIC_IPV6,
    AddressError,
    Target,
    is_public,
    join,
    machine,
    network,
    parse,
)

PORTS = (80, 443)

PUBLIC = [
    # neighbours of what is not
    "1.0.0.0",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db9::",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:831::200e",
    "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff:1000::",
    # other spellings of public IPv4 addresses
    "::ffff:8.8.8.8",
    "::ffff:808:808",
    "64:ff9b::8.8.8.8",
    "64:ff9b::808:808",
    "2606:4700::5efe:8.8.8.8",
    "2606:4700::200:5efe:8.8.8.8",
]

NOT_PUBLIC = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "233.252.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "100::1",
    "100:0:0:1::1",
    "1fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fe80::1%1",
    "2606:4700:4700::1111%eth0",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "ff05::2",
    "ff0e::1",
    "2001::1",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    # IPv4 in IPv6
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:224.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::192.88.99.1",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:a00:1::",
    "2001:0:808:808:0:ffff:f5ff:fffe",
    "2001:0:a00:1::f7f7:f7f7",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "fe80::5efe:8.8.8.8",
    # not an address, or not in its plain spelling
    "",
    "localhost",
    "8.8.8.8 ",
    "8.8.8",
    "8.8.8.8.",
    "08.8.8.8",
    "0x8.8.8.8",
    "134744072",
    "[2606:4700:4700::1111]",
    "\uff18.8.8.8",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(text)
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("network", [*NOT_PUBLIC_IPV4, *NOT_PUBLIC_IPV6])
def test_both_ends_of_each_network_are_not_public(network: str) -> None:
    ends = ipaddress.ip_network(network)
    assert not is_public(ends[0])
    assert not is_public(ends[-1])


@given(st.ip_addresses())
def test_never_laxer_than_the_standard_library(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(found) and not str(found).startswith(("::ffff:", "64:ff9b::")):
        assert found.is_global
        assert not found.is_multicast


@given(st.ip_addresses(v=4))
def test_a_hidden_address_is_judged_as_itself(hidden: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{hidden}") == is_public(f"64:ff9b::{hidden}") == is_public(hidden)
    assert not is_public(f"::{hidden}")
    assert not is_public(ipaddress.IPv6Address((0x2002 << 112) | (int(hidden) << 80)))


AS_IT_IS = [
    "http://example.com/",
    "https://example.com/a.jpg",
    "http://example.com:443/a.jpg",
    "https://example.com:80/a.jpg",
    "http://example.com./a.jpg",
    "http://-odd-.a_b.example/a.jpg",
    "http://xn--bcher-kva.example/",
    "http://8.8.8.8/a.jpg",
    "http://[2606:4700:4700::1111]/a.jpg",
    "http://example.com/a%2Fb%2f%20%41?s=a%2Fb&t=%2f+%20&u=a=b",
    "http://example.com/%zz%?%",
    "http://example.com/a//b///?a?b??",
    "http://example.com/a;b=c,d@e:f!$&'()*+[]|~-._",
    "http://example.com/?`^{|}~!$&()*+,;=:@[]/?-._",
    "http://example.com/...?../.",
    "http://example.com/a.?q=..",
]


@pytest.mark.parametrize("text", AS_IT_IS)
def test_asked_for_as_it_is(text: str) -> None:
    assert parse(text, PORTS).url == text


NORMALISED = {
    "HTTP://EXAMPLE.com": "http://example.com/",
    "hTTps://Example.COM/A.JPG?Q": "https://example.com/A.JPG?Q",
    "http://example.com?q": "http://example.com/?q",
    "http://example.com/?": "http://example.com/",  # yarl, which writes the request, leaves it out: one key for both
    "http://example.com/?#x": "http://example.com/",
    "http://example.com#x": "http://example.com/",
    "http://example.com/a?b#c?d": "http://example.com/a?b",
    "http://example.com:/a": "http://example.com/a",
    "http://example.com:80/a": "http://example.com/a",
    "http://example.com:0080/a": "http://example.com/a",
    "https://example.com:443/a": "https://example.com/a",
    "http://example.com/a b?c d": "http://example.com/a%20b?c%20d",
    'http://example.com/"<>^`{}': "http://example.com/%22%3C%3E%5E%60%7B%7D",
    "http://example.com/?'\"<>": "http://example.com/?%27%22%3C%3E",
    "http://example.com/é?ü": "http://example.com/%C3%A9?%C3%BC",
    "http://example.com/\udce9?\udcff": "http://example.com/%E9?%FF",
    "http://example.com/a/./b/../c": "http://example.com/a/c",
    "http://example.com/../../a": "http://example.com/a",
    "http://example.com/a/%2e%2E/b/%2e": "http://example.com/b/",
    "http://example.com/a/..": "http://example.com/",
    "http://bücher.example/": "http://xn--bcher-kva.example/",
    "http://例え.テスト/": "http://xn--r8jz45g.xn--zckzah/",
    "http://i❤.example/": "http://xn--i-7iq.example/",
    "http://\uff25\uff38\uff21\uff2d\uff30\uff2c\uff25。com/": "http://example.com/",
    "http://[2606:4700:4700:0:0:0:0:1111]/": "http://[2606:4700:4700::1111]/",
    "http://[2A00::A]/": "http://[2a00::a]/",
    "http://①②⑦.⓪.⓪.①/": "http://127.0.0.1/",
    "http://127。0。0。1/": "http://127.0.0.1/",
}


@pytest.mark.parametrize(("text", "url"), NORMALISED.items(), ids=NORMALISED)
def test_normalised(text: str, url: str) -> None:
    assert parse(text, PORTS).url == url


REFUSED = [
    *[
        "",
        " ",
        "example.com",
        "//example.com/",
        "/a.jpg",
        "http:",
        "http:/",
        "http://",
        "http:///a",
        "http:example.com",
    ],
    *[
        "http:/example.com/",
        "http:///example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
    ],
    *["data:image/png;base64,AAAA", "javascript:alert(1)", "unix:/run/docker.sock", "https+http://example.com/"],
    # user names and passwords, and what is made to look like a host
    *["http://user@example.com/", "http://user:password@example.com/", "http://@example.com/", "http://:@example.com/"],
    *["http://example.com@127.0.0.1/", "http://127.0.0.1@example.com/", "http://example.com:80@127.0.0.1:80/"],
    *["http://example.com%40127.0.0.1/", "http://a@b@example.com/"],
    # characters that parsers disagree about
    *["http://example.com\\@127.0.0.1/", "http:\\\\127.0.0.1\\", "http://example.com/a\\b", "http://example.com/?\\"],
    *["http://exa\tmple.com/", "http://example.com/\r\nHost:x", "http://example.com/\n", "\thttp://example.com/"],
    *["http://example.com/\x00", "http://example.com/\x7f", " http://example.com/", "http://example.com/ "],
    *["http://example.com /", "http://exa mple.com/", "http://example.com/\ud800"],
    # hosts
    *["http://%65xample.com/", "http://%31%32%37.0.0.1/", "http://example..com/", "http://.example.com/"],
    *["http://example.com../", "http://./", "http://exa$mple.com/", "http://a,b/", "http://" + "a" * 64 + ".com/"],
    *[
        "http://" + "a." * 127 + "com/",
        "http://a\uff0fb.example/",
        "http://℀.example/",
        "http://a\uff20b.example/",
        "http://\u202e/",
    ],
    # numbers as hosts, which getaddrinfo reads as 127.0.0.1 and browsers as well
    *["http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://127.1/", "http://0x7f.1/"],
    *["http://0177.0.0.1/", "http://127.0.0.01/", "http://0x7F.0x0.0x0.0x1/", "http://127.0.0.1./", "http://0/"],
    *["http://1.2.3.4.5/", "http://256.0.0.1/", "http://example.1/", "http://example.0x/", "http://②①③0706433/"],
    # brackets
    *["http://[]/", "http://[::1/", "http://::1/", "http://[::1]x/", "http://[127.0.0.1]/", "http://[::1%25lo]/"],
    *["http://[::1%lo]/", "http://[v1.a]/", "http://[1::2::3]/", "http://[::ffff:0x7f.1]/", "http://[example.com]/"],
    # ports
    *["http://example.com:22/", "http://example.com:8080/", "http://example.com:0/", "http://example.com:65536/"],
    *[
        "http://example.com:000080/",
        "http://example.com:-80/",
        "http://example.com:+80/",
        "http://example.com:\uff180/",
    ],
    *["http://example.com:80:80/", "http://example.com:a/", "http://example.com: 80/"],
]


@pytest.mark.parametrize("text", REFUSED, ids=ascii)
def test_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse(text, PORTS)


@pytest.mark.parametrize(("letter", "width"), [("a", 1), (" ", 3), ("é", 6)])
def test_longest_url_counted_as_it_is_asked_for(letter: str, width: int) -> None:
    start = "http://example.com/"
    letters, rest = divmod(MAX_URL_BYTES - len(start), width)
    longest = start + letter * letters + "x" * rest
    assert len(parse(longest, PORTS).url) == MAX_URL_BYTES
    with pytest.raises(AddressError, match="too long"):
        parse(longest + "x", PORTS)


def test_longest_host() -> None:
    longest = "a." * 125 + "com"
    assert parse(f"http://{longest}/", PORTS).host == longest
    assert parse(f"http://{longest}./", PORTS).host == f"{longest}."
    with pytest.raises(AddressError, match="host"):
        parse(f"http://a{longest}/", PORTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://user@example.com/", "The address has a user name or password in it."),
        ("file:///etc/passwd", "The address is not an http or https URL."),
        ("http://2130706433/", "The address has no valid host."),
        ("http://example.com:22/", "The address has a port that is not allowed."),
        ("http://example.com/\n", "The address has a character that does not belong in a URL."),
        ("http://example.com/\ud800", "The address has a character that does not belong in a URL."),
    ],
    ids=["user", "scheme", "host", "port", "newline", "surrogate"],
)
def test_what_the_client_reads(text: str, said: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(text, PORTS)
    assert str(caught.value) == said


def test_ports_are_the_operators() -> None:
    assert parse("http://example.com:8080/", (8080,)).port == 8080
    with pytest.raises(AddressError, match="port"):
        parse("http://example.com/", (8080,))
    with pytest.raises(AddressError, match="port"):
        parse("https://example.com/", (80,))


def test_parts() -> None:
    assert parse("https://[2A00::A]:80/p/q?r", PORTS) == Target("https", "2a00::a", 80, "/p/q", "r")


BASE = parse("https://example.com/a%2Fb/c.jpg?d=%2F", PORTS)

JOINED = {
    "http://other.example/x%2Fy?z=%2F": "http://other.example/x%2Fy?z=%2F",
    "//other.example/x": "https://other.example/x",
    "/x%2Fy?s=%2F": "https://example.com/x%2Fy?s=%2F",
    "x.jpg": "https://example.com/a%2Fb/x.jpg",
    "../x.jpg?q": "https://example.com/x.jpg?q",
    "./": "https://example.com/a%2Fb/",
    "?e=%2F": "https://example.com/a%2Fb/c.jpg?e=%2F",
    "": "https://example.com/a%2Fb/c.jpg?d=%2F",
    "#f": "https://example.com/a%2Fb/c.jpg?d=%2F",
    "x#f": "https://example.com/a%2Fb/x",
    "/a b\udce9": "https://example.com/a%20b%E9",
}


@pytest.mark.parametrize(("location", "url"), JOINED.items(), ids=[ascii(each) for each in JOINED])
def test_location(location: str, url: str) -> None:
    assert join(BASE, location, PORTS).url == url


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://example.com/",
        "http:x",
        "https:/x",
        "///x",
        "//user@example.com/",
        "//example.com:22/",
        "\\\\127.0.0.1\\",
        "/\t/127.0.0.1/",
        "x:y.jpg",
        "http://2130706433/",
        "/" + "a" * MAX_URL_BYTES,
    ],
    ids=lambda location: ascii(location[:20]),
)
def test_location_refused(location: str) -> None:
    with pytest.raises(AddressError):
        join(BASE, location, PORTS)


URLISH = st.text("htps:/.@[]%2e\\?# 017xé。\t-", max_size=20)


@given(st.one_of(st.text(), URLISH, URLISH.map("http://".__add__), URLISH.map("http://example.com/".__add__)))
def test_whatever_is_accepted_is_plain_and_stays_what_it_is(text: str) -> None:
    try:
        target = parse(text, PORTS)
    except AddressError:
        return
    assert parse(target.url, PORTS) == target
    assert target.url.isascii()
    assert target.url.isprintable()
    assert " " not in target.url
    assert join(target, target.url, PORTS) == target


@given(st.one_of(st.text(), URLISH))
def test_a_location_is_read_or_refused(location: str) -> None:
    try:
        assert join(BASE, location, PORTS).port in PORTS
    except AddressError:
        return


# --- machines ---


@pytest.mark.parametrize(
    ("spelled", "plain", "near"),
    [
        ("8.8.8.8", "8.8.8.8", "8.8.8.0/24"),
        ("::ffff:8.8.8.8", "8.8.8.8", "8.8.8.0/24"),
        ("64:ff9b::808:808", "8.8.8.8", "8.8.8.0/24"),
        ("2606:4700:4700:1::1", "2606:4700:4700:1::1", "2606:4700:4700::/48"),
        ("2606:4700:4700:ffff:0::9", "2606:4700:4700:ffff::9", "2606:4700:4700::/48"),
        ("::8.8.8.8", "::808:808", "::/48"),
    ],
)
def test_two_spellings_of_one_machine_are_one(spelled: str, plain: str, near: str) -> None:
    assert machine(spelled) == ipaddress.ip_address(plain)
    assert network(spelled) == near


@pytest.mark.parametrize("spelled", ["", "localhost", "fe80::1%eth0", "2130706433", "8.8.8.8:80"])
def test_what_is_no_machine(spelled: str) -> None:
    assert machine(spelled) is None
    assert network(spelled) == spelled
