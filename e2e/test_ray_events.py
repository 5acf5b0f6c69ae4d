"""The events that the newest Ray defines: none has a type, a field or a state that is unknown here."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from ray.core.generated.common_pb2 import TaskStatus
from ray.core.generated.events_base_event_pb2 import RayEvent

from e2e.harness.server import Server

SESSION = "session_2026-11-22_23-11-33_821800_1"
NODE = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052"
BEGAN = datetime(2026, 11, 22, 23, 12, tzinfo=UTC)
ID_BYTES = {"job_id": 4, "actor_id": 16, "placement_group_id": 18, "task_id": 24, "parent_task_id": 24}
OTHER_ID_BYTES = 28
TYPES = [kind for kind in RayEvent.EventType.DESCRIPTOR.values_by_name if kind != "EVENT_TYPE_UNSPECIFIED"]


def fill(message):
    """Sets every field, lists of states to one for each state."""
    for field in message.DESCRIPTOR.fields:
        kind = field.message_type
        if kind is None:
            values = scalars(field)
            if field.is_repeated:
                getattr(message, field.name).extend(values)
            else:
                setattr(message, field.name, values[0])
        elif kind.GetOptions().map_entry:
            fill_map(getattr(message, field.name), kind.fields_by_name["value"])
        elif kind.full_name == "google.protobuf.Timestamp":
            getattr(message, field.name).FromDatetime(BEGAN)
        elif field.is_repeated:
            for state in states(kind) or [None]:
                item = getattr(message, field.name).add()
                fill(item)
                if state is not None:
                    item.state = state
        else:
            fill(getattr(message, field.name))


def states(kind) -> list[int]:
    """Returns the values of a message's `state` that are sent."""
    field = kind.fields_by_name.get("state")
    values = field.enum_type.values if field and field.enum_type else []
    return [value.number for value in values if "UNSPECIFIED" not in value.name]


def fill_map(entries, value: FieldDescriptor):
    if value.message_type is None:
        entries["name"] = scalars(value)[0]
    else:
        fill(entries["name"])


def scalars(field: FieldDescriptor) -> list:
    """Returns a value of a field's kind; of an enum all of them, the last first."""
    if field.enum_type:
        return [value.number for value in reversed(field.enum_type.values)]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return [b"\1" * ID_BYTES.get(field.name, OTHER_ID_BYTES)]
    if field.type == FieldDescriptor.TYPE_STRING:
        return ["{}"]
    return [1]


def event(kind: str) -> dict:
    """Returns an event of a type with every field set, as Ray's aggregator sends it."""
    made = RayEvent(event_type=kind, session_name=SESSION, source_type="GCS", severity="INFO", event_id=b"\1" * 28)
    made.timestamp.FromDatetime(BEGAN)
    made.node_id = bytes.fromhex(NODE)
    (name,) = [
        name
        for name in (kind.lower(), f"{kind.lower()}s")
        if name in RayEvent.DESCRIPTOR.fields_by_name
    ]  # fmt: skip
    fill(getattr(made, name))
    return MessageToDict(made, always_print_fields_with_no_presence=True)


def reported(folder, events: list[dict]):
    """Stores events, and returns a server of the store."""
    marker = folder / "storage" / "cluster-metadata" / "raycluster" / "team_c" / SESSION
    marker.parent.mkdir(parents=True)
    marker.touch()
    path = folder / "storage" / "cluster-history" / "raycluster" / "team" / "c" / SESSION / NODE / "node_events"
    path.mkdir(parents=True)
    text = "".join(f"{json.dumps(each)}\n" for each in events)
    (path / f"{NODE}-2026-11-22-23-1795389137911275008.jsonl").write_text(text)
    return Server(folder / "storage", folder / "log")


@pytest.mark.parametrize("kind", TYPES)
def test_every_field_of_an_event_is_known(tmp_path, kind):
    with reported(tmp_path, [event(kind)]) as server:
        report = server.json(f"api/history/v1/sessions/team/c/{SESSION}")["report"]
    assert report["records"] == 1
    assert report["unknownEventTypes"] == {}
    assert report["unknownFields"] == {}
    assert report["unknownStates"] == 0
    assert report["damagedRecords"]["count"] == 0


def test_new_event_types_and_fields_are_reported(tmp_path):
    new = event("NODE_DEFINITION_EVENT")
    new["nodeDefinitionEvent"]["colour"] = "blue"
    other = {**event("NODE_LIFECYCLE_EVENT"), "eventType": "WEATHER_EVENT"}
    other["weatherEvent"] = other.pop("nodeLifecycleEvent")
    with reported(tmp_path, [new, other]) as server:
        report = server.json(f"api/history/v1/sessions/team/c/{SESSION}")["report"]
    assert list(report["unknownEventTypes"]) == ["WEATHER_EVENT"]
    assert [name.rpartition(".")[2] for name in report["unknownFields"]] == ["colour"]


def test_a_task_has_the_last_state_in_ray_s_order(tmp_path):
    """Each task goes through all states up to its own."""
    events = []
    for last in TaskStatus.values():
        identity = {"taskId": base64.b64encode(bytes([last]) * 24).decode(), "taskAttempt": 0, "jobId": "AgAAAA=="}
        moments = [(BEGAN + timedelta(seconds=second)).isoformat() for second in range(last + 1)]
        passed = [{"state": TaskStatus.Name(n), "timestamp": moments[n]} for n in range(last + 1)]
        common = {"sessionName": SESSION, "timestamp": moments[-1], "sourceType": "CORE_WORKER"}
        events += [
            common
            | {"eventType": "TASK_DEFINITION_EVENT", "taskDefinitionEvent": identity | {"taskType": "NORMAL_TASK"}},
            common
            | {"eventType": "TASK_LIFECYCLE_EVENT", "taskLifecycleEvent": identity | {"stateTransitions": passed}},
        ]
    with reported(tmp_path, events) as server:
        rows = server.json(f"sessions/team/c/{SESSION}/api/v0/tasks")["data"]["result"]["result"]
    assert [row["state"] for row in rows] == TaskStatus.keys()
