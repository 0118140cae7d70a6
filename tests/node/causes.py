#!/usr/bin/env python3
"""Provokes failures of members on a real kubelet, and prints how the operator reports them.

    cargo build
    IMAGE=python:3.12-slim KUBECONFIG=… tests/node/causes.py [target/debug/kaspr-operator]

The tests of the suite run on a control plane without a kubelet, where they write the statuses of pods. This script shows
what a kubelet writes itself: a crash with a traceback, an image that cannot be pulled, and a container that exceeds its
memory limit. It needs

- kubectl, and in KUBECONFIG a cluster with a real node, of which the user is an administrator; starting a node on a
  machine (kubelet, container runtime) usually takes root, this script does not;
- an API server on this machine, because `run --local` registers its webhooks on the loopback address, and no other
  operator in the cluster;
- in IMAGE, an image whose command is `python3`, which the node has or can pull.

It creates the namespace kaspr-node-test, and deletes it. It exits with 0 if every cause was reported, 1 if not, and 2 if
it cannot run here.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMESPACE = "kaspr-node-test"
MISSING = "example.invalid/no-such-image:1"
SECONDS = 240

# Python imports this module at its start. The member ends in the way that its variable says.
MEMBER = r"""
import os, sys, traceback
if os.environ.get("FAILURE") == "crash":
    try:
        exec("def divide(value):\n    return value / 0\ndivide(1)")
    except ZeroDivisionError:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
if os.environ.get("FAILURE") == "memory":
    held = bytearray()
    while True:
        held.extend(b"x" * (1 << 24))
"""

# The name of the app, its image, and the parts of the message of Ready.
CASES = [
    ("crash", None, ["exit code 1", "ZeroDivisionError: division by zero"]),
    ("image", MISSING, [f"image '{MISSING}' cannot be pulled"]),
    ("memory", None, ["killed, because it exceeded its memory limit of 64Mi"]),
]


def stop(why: str) -> None:
    print(f"cannot run here: {why}", file=sys.stderr)
    sys.exit(2)


def kubectl(*args: str, given: str = "", check: bool = True) -> str:
    done = subprocess.run(["kubectl", *args], input=given, capture_output=True, text=True)
    if check and done.returncode != 0:
        sys.exit(f"kubectl {' '.join(args)} failed: {done.stderr.strip()}")
    return done.stdout


def find_node() -> str:
    """Returns the name of a ready node that runs containers."""
    answer = subprocess.run(["kubectl", "get", "nodes", "-o", "json"], capture_output=True, text=True)
    if answer.returncode != 0:
        stop(f"kubectl reaches no cluster: {answer.stderr.strip()}")
    for node in json.loads(answer.stdout)["items"]:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))
        simulated = any("kwok" in key for key in node["metadata"].get("annotations", {}))
        runtime = node["status"].get("nodeInfo", {}).get("containerRuntimeVersion", "")
        if ready and not simulated and "://" in runtime:
            return node["metadata"]["name"]
    stop("the cluster has no ready node with a kubelet and a container runtime")
    raise AssertionError


def app(name: str, image: str) -> dict:
    container = {
        "env": [{"name": "FAILURE", "value": name}, {"name": "PYTHONPATH", "value": "/member"}],
        "volumeMounts": [{"name": "member", "mountPath": "/member"}],
    }
    volumes = [{"name": "member", "configMap": {"name": "member"}}]
    return {
        "apiVersion": "kaspr.io/v1alpha1",
        "kind": "KasprApp",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "image": image,
            "bootstrapServers": "kafka:9092",
            "storage": {"type": "ephemeral"},
            "resources": {"limits": {"memory": "64Mi"}},
            "template": {"pod": {"volumes": volumes}, "kasprContainer": container},
        },
    }


def ready_message(name: str) -> str:
    text = kubectl("get", "kasprapp", name, "-n", NAMESPACE, "-o", "json", check=False)
    conditions = json.loads(text).get("status", {}).get("conditions", []) if text else []
    return next((c["message"] for c in conditions if c["type"] == "Ready"), "")


def report() -> bool:
    """Prints the message of each app when it names its cause. Returns whether all do."""
    left = list(CASES)
    messages = {}
    deadline = time.monotonic() + SECONDS
    while left and time.monotonic() < deadline:
        for case in list(left):
            name, _, parts = case
            messages[name] = ready_message(name)
            if all(part in messages[name] for part in parts):
                print(f"{name}: {messages[name]}")
                left.remove(case)
        time.sleep(1)
    for name, _, parts in left:
        print(f"{name}: not reported within {SECONDS} s: {messages.get(name)!r}, expected {parts}")
    return not left


def main() -> None:
    binary = Path(sys.argv[1] if len(sys.argv) > 1 else "target/debug/kaspr-operator")
    image = os.environ.get("IMAGE")
    if not shutil.which("kubectl"):
        stop("kubectl is not on the PATH")
    if not binary.is_file():
        stop(f"{binary} does not exist; build it with `cargo build`")
    if not image:
        stop("IMAGE must name an image whose command is python3")
    print(f"node {find_node()}, image {image}")
    with tempfile.NamedTemporaryFile(prefix="kaspr-operator-", suffix=".log", delete=False) as log:
        print(f"the operator logs to {log.name}")
        operator = subprocess.Popen([binary.resolve(), "run", "--local"], stdout=log, stderr=log)
    try:
        kubectl("create", "namespace", NAMESPACE)
        kubectl("create", "configmap", "member", "-n", NAMESPACE, f"--from-literal=sitecustomize.py={MEMBER}")
        for name, other, _ in CASES:
            manifest = json.dumps(app(name, other or image))
            # The webhooks and the CRDs are registered within seconds.
            for _ in range(60):
                if kubectl("apply", "-f", "-", given=manifest, check=False):
                    break
                time.sleep(1)
            else:
                kubectl("apply", "-f", "-", given=manifest)
        done = report()
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false", check=False)
        operator.terminate()
        operator.wait()
    sys.exit(0 if done else 1)


main()
