"""Writes what Prometheus scrapes: `python3 infra/grafana/targets.py API_URL [SITE…]`.

It writes `stack/targets.json`, a target for each site (without one, for the events that name no
site), and `stack/key`, the key of $MINUTEBOOK_KEY, which a stack without keys ignores. A container
reaches a stack of this machine by the name that $MINUTEBOOK_HOST gives: host.docker.internal.
"""

import json
import os
import pathlib
import sys
import urllib.parse

LOOPBACK = ("127.0.0.1", "localhost")


def target(api_url: str, site: str) -> dict:
    """The target of a site, as file_sd_configs reads it."""
    url = urllib.parse.urlsplit(api_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise SystemExit(f"{api_url!r} is not the URL of an API, as https://….amazonaws.com")
    host = url.hostname
    if host in LOOPBACK:
        host = os.environ.get("MINUTEBOOK_HOST", host)
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    labels = {
        "__scheme__": url.scheme,
        "__metrics_path__": url.path.rstrip("/") + "/metrics",
        "__param_site_id": site,
        "__param_shop_window": "1h",
        "instance": site,
    }
    return {"targets": [f"{host}:{port}"], "labels": labels}


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(__file__).parent / "stack"
    folder.mkdir(exist_ok=True)
    targets = [target(sys.argv[1], site) for site in sys.argv[2:] or ["default"]]
    (folder / "targets.json").write_text(json.dumps(targets, indent=2) + "\n")
    # Prometheus refuses an empty file.
    (folder / "key").write_text(os.environ.get("MINUTEBOOK_KEY") or "none")


if __name__ == "__main__":
    main()
