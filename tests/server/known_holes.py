"""Payloads of the holes that other registries had, by class: compact lists, combined when tried.

The classes are those of MLflow's advisories up to 2026: sources that are local paths or URIs,
traversal by the paths of files, twins of names, texts that a page would run, doors without a
password, requests of other origins, and requests that cost too much.
"""

from urllib.parse import quote

UP = ("../" * 8, "..\\" * 8, "....//" * 8, "..;/" * 8)

SOURCES = (
    *("/etc/hostname", "//etc/hostname", "etc/hostname/../../../etc/hostname", "~/.ssh/id_rsa"),
    *("file:///etc/hostname", "file:/etc/hostname", "file://localhost/etc/hostname"),
    *("FILE:///etc/hostname", "file:%2f%2f%2fetc%2fhostname", "file:///etc/hostname#.bin"),
    *("file:///etc/hostname;x=1", "file:///etc/hostname?.bin", "//localhost/etc/hostname"),
    *("\\\\host\\share\\x", "\\\\?\\C:\\x", "C:\\Windows\\win.ini", "c:/windows/win.ini"),
    *("://etc/hostname", ":///etc/hostname", "models:/../../etc", "runs:/../../etc/hostname"),
    *("dbfs:/etc/hostname", "mlflow-artifacts:/../../etc", "s3://bucket/../../x"),
    *("jar:file:///x.jar!/y", "netdoc:///etc/hostname", "data:text/plain,x", "gopher://127.0.0.1"),
    *("ftp://127.0.0.1/x", "ldap://127.0.0.1/x", "dict://127.0.0.1:11211/stats"),
    *("pedigree://blobs/../../x", "pedigree://artifacts/../x", "${jndi:ldap://127.0.0.1/x}"),
)
"""Locations that a registry must not read because a text names them."""

PATHS = (
    *("../model.bin", "..\\model.bin", "/etc/hostname", "//etc/hostname", "./model.bin"),
    *("a/../model.bin", "a/../../x", "model.bin/..", "model.bin/", "C:/x", "c:\\x", "\\\\h\\s"),
    *("..", ".", " ", "~", "~root/x", "model.bin\0.txt", "a\nb", "\u202emodel.bin"),
    *(
        "..\u2215x",
        "\uff0e\uff0e/x",
        "..\u2024/x",
        "\u2025/x",
        "%2e%2e/x",
        "..%2fx",
        "%252e%252e/x",
    ),
    *("..%c0%afx", "%c0%ae%c0%ae/x", ".pedigree/x", ".pedigree-pull/x", "con/../../x"),
    *(f"{up}etc/hostname" for up in UP),
)
"""Paths of files that no artifact has."""

TWINS = (
    *("CHURN", "Churn", "chuRN", "\uff43hurn", "\uff23\uff28\uff35\uff32\uff2e", "churn\u200b"),
    *(
        "ch\u00adurn",
        "churn ",
        " churn",
        "churn.",
        ".churn",
        "churn\u0000",
        "churn\u202e",
        "churn/",
    ),
    *(
        "churn%2f1",
        "churn/1",
        "churn@best",
        "churn#x",
        "churn:1",
        "churn\\1",
        "%63hurn",
        "churn%20",
    ),
    *("\u24d2hurn", "\U0001d4b8hurn", "churn\ufe0f", "churn\u034f", "ch\u1d58rn", "churn\u2028"),
)
"""Names that are no other model than churn, or no name."""

SCRIPTS = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"),
    *(
        '"><script>alert(1)</script>',
        "'><img src=x onerror=alert(1)>",
        "</title><script>1</script>",
    ),
    *("<iframe srcdoc='<script>alert(1)</script>'>", "<a href=javascript:alert(1)>x</a>"),
    *("[x](javascript:alert(1))", "![x](x onerror=alert(1))", "<math><mi xlink:href=javascript:1>"),
    *(
        "<body onload=alert(1)>",
        "<details open ontoggle=alert(1)>",
        "<style>@import'//evil'</style>",
    ),
    *("<base href=//evil.example>", "<meta http-equiv=refresh content=0;url=//evil.example>"),
    *(
        "<object data=data:text/html,x>",
        "<embed src=//evil.example>",
        "<form action=//evil.example>",
    ),
    *("{{7*7}}", "{% raw %}<script>1</script>{% endraw %}", "${7*7}", "<%= 7*7 %>", "#{7*7}"),
    *("&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;1&#60;/script&#62;"),
    *("\x1b]8;;http://evil.example\x07x\x1b]8;;\x07", "<scr<script>ipt>1</scr</script>ipt>"),
    *("<!--><script>alert(1)</script>-->", "<![CDATA[<script>alert(1)</script>]]>"),
    *("| a | b |\n|---|---|\n| <b onclick=1> |", "```\n</code><script>1</script>\n```"),
    *("<svg><animate onbegin=alert(1)>", "<video><source onerror=alert(1)>", "=cmd|'/c calc'!A1"),
    *("<marquee onstart=alert(1)>", "<input autofocus onfocus=alert(1)>", "<isindex action=j>"),
    *("<x onpointerenter=alert(1)>", "<link rel=stylesheet href=//evil.example>", "<portal src=x>"),
)
"""Texts that a page or a template would run, if it did not take them for text."""

CREDENTIALS: tuple[dict[str, str], ...] = (
    *({"Authorization": value} for value in ("Bearer", "Bearer null", "Bearer undefined")),
    *(
        {"Authorization": f"Basic {value}"}
        for value in ("YWRtaW46cGFzc3dvcmQ=", "YWRtaW46YWRtaW4=")
    ),
    {"Authorization": "Basic YWRtaW46cGFzc3dvcmQxMjM0"},  # MLflow's admin:password1234
    {"Authorization": "Bearer pdg_"},
    {"Authorization": "Bearer pdg_" + "A" * 43},
    {"Authorization": "Bearer ' OR '1'='1"},
    {"Authorization": "Bearer pdg_%"},
    {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."},
    {"Authorization": "Token admin"},
    {"Cookie": "session=admin; token=admin"},
    {"X-Forwarded-User": "admin"},
    {"X-Forwarded-Email": "admin@example.com", "X-Forwarded-Groups": "admin"},
    {"X-Remote-User": "admin", "Remote-User": "admin"},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    {"X-Original-URL": "/livez", "X-Rewrite-URL": "/livez"},
    {"X-HTTP-Method-Override": "GET"},
    {"Forwarded": "for=127.0.0.1;host=localhost"},
    {"Host": "localhost", "X-Forwarded-Host": "localhost"},
)
"""Headers that are no token of the service."""

COSTLY = (
    f"name = '{'a' * 60_000}'",
    "(" * 2_000 + "name = 'a'" + ")" * 2_000,
    " OR ".join(["description ILIKE '%a%b%c%d%'"] * 300),
    " AND ".join(["NOT name = 'a'"] * 2_000),
    f"name LIKE '{'%a' * 5_000}'",
    f"text MATCH '{'a ' * 10_000}'",
    f"name IN ({', '.join(['1'] * 20_000)})",
    "name = 'a' UNION SELECT * FROM pedigree.access_token --",
    "name = 'a'; DROP TABLE pedigree.event",
    "tags.`x` = 'a' OR 1=1",
)
"""Filters that must neither run long nor be another statement."""


def in_path(text: str) -> str:
    """Return a text as one part of a URL's path."""
    return quote(text, safe="", errors="surrogatepass")
