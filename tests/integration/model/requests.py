"""An operation as a call of the API."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from api import container_pb, exec_pb, pod_spec_pb, spec_pb, volume_pb
from model.containers import Request

MIB = 1 << 20
LOOP = "while :; do sleep 0.1; done"


def command_line(command):
    kind, _, code = command.partition("-")
    return {"exit": ["sh", "-c", f"exit {code}"],
            "brief": ["sh", "-c", f"sleep 0.3; exit {code}"],
            "long": ["sleep", "100000"],
            "polite": ["sh", "-c", f"trap 'exit 7' TERM; {LOOP}"],
            "deaf": ["sh", "-c", f"trap '' TERM; {LOOP}"],
            "missing": ["/no/such/command"]}[kind]


def request_of(operation):
    get = operation.get
    return Request(get("command"), get("name", ""), int(get("memory", 0)), get("pod", ""), get("volume", ""),
                   get("plugin", ""), get("network", ""), operation.verb == "create")


def spec_of(request):
    spec = spec_pb.ContainerSpec(root=spec_pb.RootFilesystem(image="busybox"), args=command_line(request.command),
                                 stop_grace=Duration(seconds=1))
    if request.memory:
        spec.resources.limits.memory.bytes = request.memory * MIB
    if request.pod:
        spec.join_pod.id = request.pod
    if request.network:
        spec.pod.networks.add(network=request.network)
    if request.volume:
        spec.mounts.add(target="/data").volume.name = request.volume
    if request.plugin:
        mount = spec.mounts.add(target="/plug")
        mount.volume.name, mount.volume.driver = request.plugin, "faulty"
    return spec


def ref(key):
    return container_pb.ContainerRef(id=key)


def exec_args(operation):
    code = operation.get("code")
    return command_line("long" if code == "long" else f"exit-{code}")


def call_of(operation, request=None):
    """Service, call and fields of an operation that is a call."""
    verb, key, get = operation.verb, operation.subject, operation.get
    if verb in ("launch", "create", "again", "differs"):
        call = "Create" if request.hold else "Launch"
        return "ContainerService", call, {"id": key, "name": request.name, "spec": spec_of(request)}
    if verb == "limit":
        limits = {"limits": {"memory": {"bytes": int(get("memory")) * MIB}}}
        return "ContainerService", "Update", {"container": ref(key), "resources": limits,
                                              "update_mask": FieldMask(paths=["resources.limits.memory"])}
    simple = {
        "start": ("Start", {}), "pause": ("Pause", {}), "resume": ("Resume", {}), "inspect": ("Get", {}),
        "wait": ("Wait", {}), "remove": ("Remove", {}), "force": ("Remove", {"force": True}),
        "stop": ("Stop", {"grace": Duration(seconds=int(get("grace", 0)))}),
        "kill": ("Kill", {"signal": int(get("signal", 9))}),
    }
    if verb in simple:
        call, fields = simple[verb]
        return "ContainerService", call, {"container": ref(key), **fields}
    if verb == "list":
        return "ContainerService", "List", {"page_size": 10000, "view": container_pb.CONTAINER_VIEW_FULL}
    if verb == "exec":
        return "ExecService", "Run", {"container": ref(key), "spec": exec_pb.ExecSpec(args=exec_args(operation))}
    if verb == "write":
        line = ["sh", "-c", f"echo {get('token')} >>/data/log"]
        return "ExecService", "Run", {"container": ref(key), "spec": exec_pb.ExecSpec(args=line)}
    if verb == "exec-start":
        spec = exec_pb.ExecSpec(args=exec_args(operation), output=exec_pb.EXEC_OUTPUT_DISCARD)
        return "ExecService", "Start", {"container": ref(key), "id": get("exec"), "spec": spec}
    if verb == "exec-kill":
        return "ExecService", "Kill", {"exec": exec_ref(key, get("exec"))}
    if verb == "pod-create":
        spec = pod_spec_pb.PodSpec(network=pod_spec_pb.NETWORK_MODE_NONE)
        if get("share"):
            spec.shared.ipc = True
        return "PodService", "Create", {"id": key, "spec": spec}
    if verb == "pod-stop":
        return "PodService", "Stop", {"pod": pod_spec_pb.PodRef(id=key), "grace": Duration(seconds=0)}
    if verb == "pod-remove":
        return "PodService", "Remove", {"pod": pod_spec_pb.PodRef(id=key), "force": True}
    if verb == "volume-create":
        return "VolumeService", "Create", {"name": key}
    assert verb == "volume-remove", verb
    return "VolumeService", "Remove", {"volume": volume_pb.VolumeRef(name=key)}


def exec_ref(key, name):
    return exec_pb.ExecRef(key=exec_pb.ExecRef.Key(container=ref(key), id=name))


def containers_in(answer):
    """Every container an answer shows."""
    if hasattr(answer, "containers"):
        return list(answer.containers)
    if "container" in answer.DESCRIPTOR.fields_by_name and isinstance(answer.container, container_pb.Container):
        return [answer.container] if answer.HasField("container") else []
    return []
