"""The file that `serve deploy` and KubeRay (`serveConfigV2`) take."""

from __future__ import annotations

from typing import Any

import yaml

from omnipipe.runners.serve_app import INGRESS, PAGES, deployment_options
from omnipipe.runners.serve_args import ServeArgs
from omnipipe.runners.serve_plan import ServePlan

_HEAD = """\
# Made by omnipipe serve --build. Deploy it with: serve deploy FILE; in a RayService it is the serveConfigV2.
# The cluster's nodes need omnipipe, and data_dir on storage that all of them mount. Replicas talk to each other on
# ports of all addresses: keep RAY_AUTH_MODE=token (or RAY_USE_TLS=1) and a firewall or NetworkPolicy around them.
"""


def to_yaml(plan: ServePlan, *, no_auth: bool = False) -> str:
    """`plan` as a file for `serve deploy`.

    Raises:
        ConfigError: It cannot be said in a file.
    """
    args = ServeArgs.of(plan, no_auth=no_auth)
    pages, engines = args.widths(plan)
    options = deployment_options(plan, pages, engines)
    for name in options.keys() - {INGRESS, PAGES}:
        # The GPUs that an engine needs are those of its build on the cluster, which says so itself.
        del options[name]["ray_actor_options"]
    whole: dict[str, Any] = {
        "proxy_location": "EveryNode",
        # No request_timeout_s: it would cut streams in the middle. Jobs and engines have deadlines of their own.
        "http_options": {"host": plan.settings.host, "port": plan.settings.port, "request_timeout_s": None},
        "applications": [
            {
                "name": plan.name,
                "route_prefix": "/",
                "import_path": "omnipipe.runners.serve_app:build",
                "args": args.model_dump(mode="json", exclude_defaults=True),
                "deployments": [{"name": name, **own} for name, own in options.items()],
            }
        ],
    }
    return _HEAD + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)
