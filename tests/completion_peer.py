"""A small HTTP server in a thread that says what a test tells it to: a completion server that is well or misbehaves."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from alignment.core.backbone import Backbone
from alignment.core.records import Message
from alignment.core.rollout import LocalSampler
from alignment.core.sampling.draws import SamplingSettings

CUT, SILENCE = "the connection is reset", "nothing is said"


@dataclass
class Peer:
    """``answer(path, body)`` gives (status, JSON value or text), CUT or SILENCE; ``asked`` is what it was asked."""

    answer: Callable[[str, Any], Any]
    address: str = ""
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def completion_peer(answer: Callable[[str, Any], Any]) -> Iterator[Peer]:
    peer = Peer(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.handle_request(None)

        def do_POST(self) -> None:
            self.handle_request(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def handle_request(self, body: Any) -> None:
            with peer.lock:
                peer.asked.append((self.path, body))
                peer.headers.append(dict(self.headers))
                peer.at_once += 1
                peer.most_at_once = max(peer.most_at_once, peer.at_once)
            try:
                said = peer.answer(self.path, body)
            finally:
                # Before it is said: who has an answer may send the next request at once.
                with peer.lock:
                    peer.at_once -= 1
            self.say(said)

        def say(self, said: Any) -> None:
            if said == CUT:
                # Closing with a linger of 0 sends a reset instead of an end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                return
            if said == SILENCE:
                peer.closing.wait()
                return
            status, content = said
            sent = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            pass

        def finish(self) -> None:
            with suppress(OSError, ValueError):  # a connection that was cut on purpose
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield peer
    finally:
        peer.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def vllm(backbone: Backbone, *, base: str = "base", honours_n: bool = True) -> Callable[[str, Any], Any]:
    """Answers as vLLM does: ids in, ids out, a generator for each completion's seed, LoRA adapters by name."""
    served: dict[str, str | None] = {base: None}
    lock = threading.Lock()  # the model is one object; requests come from several threads

    def adapters(path: str, body: Any) -> Any:
        if path == "/v1/models":
            return 200, {"data": [{"id": name} for name in served]}
        if path == "/v1/load_lora_adapter":
            served[body["lora_name"]] = f"served {body['lora_name']}"
            backbone.load_adapter(f"served {body['lora_name']}", Path(body["lora_path"]))
        else:
            del served[body["lora_name"]]
        return 200, "Success"

    def write(body: Any) -> list[dict[str, Any]]:
        user = backbone.tokenizer.decode(body["prompt"]).removeprefix("<prompt>").removesuffix("</prompt><answer>")
        drawn = {name: body[name] for name in ("temperature", "top_k", "top_p")}
        settings = SamplingSettings(max_new_tokens=body["max_tokens"], **drawn)
        sampler = LocalSampler(backbone, served[body["model"]])
        choices = []
        for number in range(body["n"] if honours_n else 1):
            generator = torch.Generator().manual_seed(body["seed"] + number)
            ((one,),) = sampler.sample([(Message("user", user),)], settings=settings, generator=generator)
            assert list(one.prompt_ids) == body["prompt"]
            reason = "stop" if one.ended else "length"
            choices.append({"index": number, "text": one.text, "token_ids": list(one.ids), "finish_reason": reason})
        return choices[::-1]

    def answer(path: str, body: Any) -> Any:
        with lock:
            if path != "/v1/completions":
                return adapters(path, body)
            if body["model"] not in served:
                return 404, {"error": {"message": f"The model `{body['model']}` does not exist."}}
            return 200, {"choices": write(body), "usage": {"prompt_tokens": len(body["prompt"])}}

    return answer
