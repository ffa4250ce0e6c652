"""Tricks that lead a fetcher into the house: not one finds anything."""

import pytest

from retrieval.fetching.addresses import is_public, parsed_address
from retrieval.fetching.errors import FetchError, FetchLimitError, RefusedUrlError
from tests.retrieval.fetching.internet import SITE, Internet, answer, redirect

LOOPBACK = [
    "http://127.0.0.1/",
    "http://127.0.0.1:8000/metrics",
    "http://127.0.0.2/",
    "http://127.255.255.254/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7F000001/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://0177.0x0.0.1/",
    "http://00000177.0.0.1/",
    "http://127.000.000.001/",
    "http://127.0.0.01/",
    "http://127.0.0.0x1/",
    "http://127.0.0.1./",
    "http://127.0.0.1../",
    "http://127.0.0.1%00.example.com/",
    "http://127.0.0.1%2f@example.com/",
    "http://127.0.0.1%23.example.com/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://１２７.0.0.1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://\u0967\u0968\u096d.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://0.0.0.0:22/",
    "http://00/",
    "http://0x0/",
    "http://0000.0000.0000.0000/",
    "http://4294967296/",
    "http://18446744071677280257/",
    "http://127.0.0.1.0x/",
]
IPV6 = [
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:7F00:0001]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:53aa:64c:0:0:80ff:fffe]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[100::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fd20:ce::254]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[v1.fe80]/",
    "http://[::1]:80@example.com/",
    "http://[::1/",
    "http://::1/",
    "http://0--1.ipv6-literal.net@[::1]/",
    "http://[::1.]/",
    "http://[127.0.0.1]/",
]
INSIDE = [
    "http://10.0.0.1/",
    "http://10.1/",
    "http://0xa000001/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://192.168.257/",
    "http://3232235777/",
    "http://100.64.0.1/",
    "http://100.127.255.254/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://192.0.0.1/",
    "http://192.0.2.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250:1900/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
]
METADATA = [
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://100.100.100.200/latest/",
    "http://192.0.0.192/opc/v1/",
    "http://168.63.129.16/machine",
]
SCHEMES = [
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "FILE:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/stats",
    "ftp://example.com/x",
    "ftp://127.0.0.1/",
    "ldap://127.0.0.1/",
    "tftp://127.0.0.1/x",
    "jar:http://127.0.0.1!/x",
    "netdoc:///etc/passwd",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "ws://example.com/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "unix:///var/run/docker.sock",
    "view-source:http://example.com/",
    "url:http://example.com/",
    "http:example.com",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
    "//127.0.0.1/",
    "127.0.0.1",
    "",
    "http://",
    "http://:80/",
]
PARSERS = [
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://@example.com/",
    "http://127.0.0.1:80@example.com/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http:\\\\127.0.0.1\\",
    "http://127.0.0.1\\.example.com/",
    "http://example.com#@127.0.0.1@x/".replace("#", "%23"),
    "http://example.com\t@127.0.0.1/",
    "http://127.0\t.0.1/",
    "http://127.0.0.1\r\nHost: example.com/",
    "http://example.com/\r\nX-Header: x",
    "http://example.com/ HTTP/1.1\r\nHost: 127.0.0.1",
    " http://127.0.0.1/",
    "\x00http://127.0.0.1/",
    "http://exam\u00adple.com\u00a0/",
    "http://loc\u200balhost/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
    "http://lo\uff43alhost/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:-80/",
    "http://example.com:80:80/",
    "http://example.com:8 0/",
    "http://example..com/",
    "http://.example.com/",
    "http://-example.com/",
    "http://exa$mple.com/",
    "http://example.com,127.0.0.1/",
    "http://example.com;127.0.0.1/",
    "http://(127.0.0.1)/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 130 + "com/",
    "http://example.com/" + "a" * 9_000,
    "http://example.com:22/",
    "http://example.com:25/",
    "http://example.com:6379/",
    "http://example.com:2375/",
]
TRICKS = [*LOOPBACK, *IPV6, *INSIDE, *METADATA, *SCHEMES, *PARSERS]
NAMES = {
    "localhost": "127.0.0.1",
    "localhost.": "127.0.0.1",
    "ip6-localhost": "::1",
    "foo.localhost": "127.0.0.1",
    "localtest.me": "127.0.0.1",
    "127.0.0.1.nip.io": "127.0.0.1",
    "metadata.google.internal": "169.254.169.254",
    "instance-data.ec2.internal": "169.254.169.254",
    "intranet": "10.0.0.5",
    "nas.local": "192.168.1.9",
    "six.example.com": "fd12::1",
    "mapped.example.com": "::ffff:10.0.0.1",
    "nat64.example.com": "64:ff9b::7f00:1",
    "sixtofour.example.com": "2002:a00:1::1",
    "linklocal.example.com": "fe80::1",
    "scoped.example.com": "fe80::1%eth0",
    "zero.example.com": "0.0.0.0",
    "broadcast.example.com": "255.255.255.255",
    "tailnet.example.com": "100.101.102.103",
    "azure.example.com": "168.63.129.16",
    "nonsense.example.com": "not an address",
    "a_b.example.com": "127.0.0.1",
    "xn--bcher-kva.example": "127.0.0.1",
    "bücher.example": "127.0.0.1",
    "EXAMPLE.COM": "127.0.0.1",
}


def test_there_are_enough_tricks() -> None:
    assert len(set(TRICKS)) + len(NAMES) >= 150


@pytest.mark.parametrize("url", TRICKS)
def test_no_trick_is_followed(url: str) -> None:
    internet = Internet()
    with internet.client() as client, pytest.raises(RefusedUrlError):
        client.fetch(url)
    assert internet.dialled == []


@pytest.mark.parametrize("url", TRICKS)
def test_no_redirect_leads_there(url: str) -> None:
    """What a server may write in the header gets no further; what httpx mends is checked again."""
    location = url.replace("\r\n", "%0d%0a").replace("\x00", "%00").strip()
    internet = Internet(answers=[redirect(location), answer(b"secret")])
    with internet.client() as client:
        try:
            found = client.fetch("http://site.example/")
        except FetchError:
            found = None
    # Relative references stay on the site; all else is refused.
    assert all(is_public(parsed_address(host)) for host, _ in internet.dialled)
    assert all(port == 80 for _, port in internet.dialled)
    assert found is None or found.url.startswith(("http://site.example", "http://exam"))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("host", "address"), NAMES.items())
def test_no_name_leads_inside(host: str, address: str, scheme: str) -> None:
    names = {host.lower().rstrip("."): [[address]], "xn--bcher-kva.example": [["127.0.0.1"]]}
    internet = Internet(names)
    with internet.client() as client, pytest.raises(RefusedUrlError):
        client.fetch(f"{scheme}://{host}/")
    assert internet.dialled == []


@pytest.mark.parametrize("mixed", [[SITE, "10.0.0.1"], ["10.0.0.1", SITE], ["::1", SITE]])
def test_a_name_with_one_address_inside_is_refused_whole(mixed: list[str]) -> None:
    internet = Internet({"mixed.example": [mixed]})
    with internet.client() as client, pytest.raises(RefusedUrlError, match="not a public address"):
        client.fetch("http://mixed.example/")
    assert internet.dialled == []


def test_a_name_is_resolved_once_and_the_checked_address_is_dialled() -> None:
    internet = Internet({"rebind.example": [[SITE], ["127.0.0.1"]]})
    with internet.client() as client:
        client.fetch("http://rebind.example/")
        assert internet.asked == ["rebind.example"]
        assert internet.dialled == [(SITE, 80)]


def test_a_name_that_turns_inside_is_refused_at_the_next_connection() -> None:
    internet = Internet(
        {"rebind.example": [[SITE], ["127.0.0.1"]]},
        [answer(Connection="close"), answer(b"secret")],
    )
    with internet.client() as client:
        client.fetch("http://rebind.example/")
        with pytest.raises(RefusedUrlError):
            client.fetch("http://rebind.example/")
    assert internet.dialled == [(SITE, 80)]


def test_a_name_that_turns_inside_on_a_redirect_is_refused() -> None:
    closing = answer(b"", "302 Found", Location="http://rebind.example/2", Connection="close")
    internet = Internet({"rebind.example": [[SITE], ["169.254.169.254"]]}, [closing])
    with internet.client() as client, pytest.raises(RefusedUrlError):
        client.fetch("http://rebind.example/")
    assert internet.dialled == [(SITE, 80)]


def test_proxies_of_the_environment_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    internet = Internet()
    with internet.client() as client:
        client.fetch("http://site.example/")
    assert internet.dialled == [(SITE, 80)]


def test_redirects_end() -> None:
    internet = Internet(answers=[redirect("/again")] * 50)
    with internet.client(redirects=3) as client, pytest.raises(FetchLimitError, match="3 times"):
        client.fetch("http://site.example/")


@pytest.mark.parametrize(
    ("private", "url", "dialled"),
    [
        (["wiki.lan"], "http://wiki.lan:3000/", ("10.0.0.5", 3000)),
        (["10.0.0.0/8"], "http://wiki.lan:3000/", ("10.0.0.5", 3000)),
        (["10.0.0.5"], "http://10.0.0.5/", ("10.0.0.5", 80)),
        (["fd00::/8"], "http://[fd12::1]/", ("fd12::1", 80)),
        (["127.0.0.1"], "http://127.0.0.1:9/", ("127.0.0.1", 9)),
        (["0.0.0.0/0"], "http://10.0.0.5/", ("10.0.0.5", 80)),
    ],
)
def test_own_hosts_can_be_named(private: list[str], url: str, dialled: tuple[str, int]) -> None:
    internet = Internet({"wiki.lan": [["10.0.0.5"]]})
    with internet.client(private_hosts=private) as client:
        assert client.fetch(url).body == b"hello"
    assert internet.dialled == [dialled]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://[fd00:ec2::254]/",
        "http://224.0.0.1/",
        "http://wiki.lan/",
    ],
)
def test_what_is_nobodys_own_host_cannot_be_named(url: str) -> None:
    internet = Internet({"wiki.lan": [["169.254.169.254"]]})
    private = ["0.0.0.0/0", "::/0", "wiki.lan"]
    with internet.client(private_hosts=private) as client, pytest.raises(RefusedUrlError):
        client.fetch(url)


def test_naming_one_host_opens_no_other() -> None:
    internet = Internet({"other.lan": [["10.0.0.6"]]}, [redirect("http://other.lan/")])
    with internet.client(private_hosts=["wiki.lan"]) as client, pytest.raises(RefusedUrlError):
        client.fetch("http://wiki.lan/")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1"]
)
def test_public_addresses_pass(address: str) -> None:
    internet = Internet({"site.example": [[address]]})
    with internet.client() as client:
        assert client.fetch("http://site.example/").ok
    assert internet.dialled == [(address, 80)]
