"""Which names say that their value is a secret, and which flags of which programs take one without saying so."""

from __future__ import annotations

import re

NAME_MAX = 80
# `dbPass` and `DBPass` are `db_pass`.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Short words count only when they stand alone, or end one that says what they belong to: `auth`, not `author`.
_SECRET = re.compile(
    r"token(?!i[sz])|secret|passw|passphrase|passcode|api[_.-]?key|access[_.-]?key|private[_.-]?key|credential|bearer"
    r"|cookie|signature|authorization|connection[_.-]?string"
    r"|(?:^|[_.-])(?:auth|pwd|dsn|pat|key|pass|passin|passout|sig|jwt|otp)(?:$|[_.-])"
    r"|(?:account|shared|master|sign|signing|encryption|license|openai|service|app|admin)key$"
    r"|(?<!by)(?<!com)(?<!tres)pass$|[a-z]pwd$"
)
# A name's last part says what the value is; and tokens that are counted are no secret ones.
_HARMLESS = re.compile(
    r"(?:^|[_.-])(?:size|length|len|limit|limits|count|counts|ttl|timeout|expiry|expires|mode|type|format|budget"
    r"|usage|window|file|path|dir|stdin)$"
    r"|^(?:no|skip|disable)[_.-]"
    r"|(?:^|[_.-])(?:max|min|num|n|total)[_.-](?:[a-z]+[_.-]){0,4}tokens?$"
)


def is_secret(name: str) -> bool:
    """Whether a value of this name is a secret: the name of a flag, a variable, a header, a key in JSON."""
    if len(name) > NAME_MAX:
        return False
    plain = _CAMEL.sub("_", name).lower()
    return _SECRET.search(plain) is not None and _HARMLESS.search(plain) is None


def _flags(letters: str, names: str = "", switches: str = "") -> str:
    """A pattern: where such a flag ends in its word: `-pSECRET`, `--user=SECRET`, and `-sSu` where `s` and `S` take nothing."""
    short = rf"-[{re.escape(switches)}]*[{letters}]=?" if switches else rf"-[{letters}]=?"
    return rf"{short}|--(?:{names})(?:=|$)" if names else short


_P = _flags("p")
# Of these, the next word (or the rest of the word) is a secret. Patterns are not compiled before one is needed.
TAKES_SECRET = {
    "curl": _flags("uUbE", "user|proxy-user|cookie|cert|proxy-cert", "#0123469afgGijklLnNOpqRsSvZ"),
    **dict.fromkeys(("http", "https", "xh", "xhs"), _flags("a")),
    **dict.fromkeys(
        (
            "mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlshow", "mysqlcheck", "mysqlpump", "mycli",
            "mariadb", "mariadb-dump", "mariadb-admin", "mariadb-import", "cqlsh", "cypher-shell", "rabbitmqadmin",
            "mongosh", "mongo", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat",
            "7z", "7za", "7zr", "7zz", "rar", "unrar", "sshpass",
            # `docker login`, `az login`, `helm registry login`
            "login",
        ),
        _P,
    ),
    **dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), _flags("a")),
    **dict.fromkeys(
        ("ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldappasswd"), _flags("w")
    ),
    **dict.fromkeys(("smbclient", "rpcclient"), _flags("U")),
    **dict.fromkeys(
        ("sqlcmd", "bcp", "osql", "ipmitool", "mosquitto_pub", "mosquitto_sub", "zip", "unzip"), _flags("P")
    ),
    **dict.fromkeys(("snmpget", "snmpset", "snmpwalk", "snmpbulkwalk"), _flags("cAX")),
    "openssl": r"-[kK]$",
}  # fmt: skip
_C = r"-[A-Za-z]*c$"
# Of these, the next word is a line that a shell reads.
TAKES_LINE = {
    **dict.fromkeys(
        ("sh", "bash", "dash", "zsh", "ash", "ksh", "mksh", "fish", "busybox", "rbash"), _C
    ),
    **dict.fromkeys(("su", "runuser", "script", "flock", "npx", "npm", "nix-shell"), _C),
}

__all__ = ["NAME_MAX", "TAKES_LINE", "TAKES_SECRET", "is_secret"]
