"""`vla serve`: lets robots elsewhere use a policy."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from vla.cli.options import check_range
from vla.cli.progress import LOG_INTERVAL
from vla.serve.access import check_exposure, is_loopback, read_token, server_tls
from vla.serve.metrics import Metrics
from vla.serve.server import Limits, PolicyServer
from vla.serve.spec import PolicySpec

SHOWN_EVERY = 1.0
"""Time between updates of the status line on a terminal [s]."""


def run(config: DictConfig) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    for name in ("max_clients", "max_batch", "max_rate"):
        check_range(name, config[name], 1)
    for name in ("idle_timeout", "send_timeout"):
        check_range(name, config[name], 0.1)
    check_range("port", config.port, 0, 65535)
    if config.max_message is not None:
        check_range("max_message", config.max_message, 1)
    token = read_token(config.token_file)
    check_exposure(str(config.host), token)
    tls = server_tls(config.certificate, config.key)
    print(f"loading {config.policy}", flush=True)
    from vla.runtime.lerobot_policy import load_policy

    policy = load_policy(str(config.policy), str(config.device), threads=config.threads)
    spec = PolicySpec.of(Path(str(config.policy)).name, policy.features(), policy.n_action_steps)
    limits = Limits(
        max_clients=config.max_clients,
        max_rate=config.max_rate,
        max_batch=config.max_batch,
        max_message=config.max_message,
        idle_timeout=config.idle_timeout,
        send_timeout=config.send_timeout,
    )
    server = PolicyServer(policy, spec, host=str(config.host), port=config.port, token=token, tls=tls, limits=limits)
    asyncio.run(_serve(server, spec, str(config.host), token is not None, tls is not None))
    return 0


async def _serve(server: PolicyServer, spec: PolicySpec, host: str, token: bool, tls: bool) -> None:
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    async with server:
        print(announcement(spec, host, server.port, token=token, tls=tls), flush=True)
        with Console().status("") as status:
            terminal = sys.stdout.isatty()
            shown = ""
            while not end.is_set():
                if (text := status_line(server.metrics)) != shown:
                    status.update(text) if terminal else print(text, flush=True)
                    shown = text
                try:
                    await asyncio.wait_for(end.wait(), SHOWN_EVERY if terminal else LOG_INTERVAL)
                except TimeoutError:
                    continue
    print(f"ended after {status_line(server.metrics)}")


def announcement(spec: PolicySpec, host: str, port: int, *, token: bool, tls: bool) -> str:
    """Return what to tell about a server: its address, what its policy takes, and how to connect."""
    shown = f"[{host}]" if ":" in host else host
    url = f"{'wss' if tls else 'ws'}://{shown}:{port}"
    width = max(map(len, spec.keys))
    lines = [f"serving {spec.name} at {url} ({'token needed' if token else 'no token, this machine only'})"]
    if token and not tls and not is_loopback(host):
        lines.append("without TLS (certificate=, key=): token and frames travel in the clear")
    lines.append(f"takes, and answers with actions (T, {spec.action_dim}) float32:")
    for key, shape in spec.inputs.items():
        lines.append(f"  {key:<{width}}  {tuple(shape)} {'uint8' if len(shape) == 3 else 'float32'}")
    lines.append(f"  {'task':<{width}}  text of the subgoal, or prompt")
    here = "localhost" if is_loopback(host) else "<this machine>"
    lines += ["connect:", f'  vla deploy policy={url.replace(shown, here)} "<instruction>"']
    key = ', api_key="<token>"' if token else ""
    address = f'"wss://{here}:{port}"' if tls else f'host="{here}", port={port}'
    lines.append(f"  openpi_client.websocket_client_policy.WebsocketClientPolicy({address}{key})")
    return "\n".join(lines)


def status_line(metrics: Metrics) -> str:
    """Return how much a server has done so far."""
    requests = {
        outcome: int(metrics.value("vla_serve_requests_total", outcome=outcome))
        for outcome in ("answered", "refused", "limited", "failed")
    }
    passes = metrics.value("vla_serve_inference_seconds_count")
    mean = 1e3 * metrics.value("vla_serve_inference_seconds_sum") / passes if passes else 0.0
    batch = metrics.value("vla_serve_batch_size_sum") / passes if passes else 0.0
    counts = ", ".join(f"{count} {outcome}" for outcome, count in requests.items())
    clients = int(metrics.value("vla_serve_clients"))
    return f"{clients} clients; requests: {counts}; forward passes of {mean:.1f} ms with {batch:.1f} requests"
