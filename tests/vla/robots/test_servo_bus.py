"""The wire protocol: packets, memory, and what goes wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla.robots.servo_bus.bus import Faults, ServoBus
from vla.robots.servo_bus.packets import BROADCAST, Code, Instruction, Reader, packet
from vla.robots.servo_bus.servo import MIDDLE, RESOLUTION, Error, Register, Servo, signed, unsigned


def word(value: int) -> bytes:
    return value.to_bytes(2, "little")


def bus_of(count: int = 3) -> ServoBus:
    return ServoBus(Servo(i + 1) for i in range(count))


def ask(bus: ServoBus, id: int, code: int, parameters: bytes = b"") -> list[bytes]:
    return bus.answer(Instruction(id, code, parameters))


def test_a_packet_is_what_the_manual_shows() -> None:
    assert packet(1, Code.PING) == bytes.fromhex("ff ff 01 02 01 fb")
    assert packet(1, Code.READ, bytes((0x38, 2))) == bytes.fromhex("ff ff 01 04 02 38 02 be")


@given(
    packets=st.lists(
        st.tuples(st.integers(0, 253), st.sampled_from(list(Code)), st.binary(max_size=20)), min_size=1, max_size=5
    ),
    noise=st.binary(max_size=6).filter(lambda noise: b"\xff" not in noise),
    cuts=st.randoms(use_true_random=False),
)
def test_instructions_are_found_in_any_pieces_and_after_noise(
    packets: list[tuple[int, int, bytes]], noise: bytes, cuts: random.Random
) -> None:
    stream = b"".join(noise + packet(*one) for one in packets)
    reader, found = Reader(), []
    while stream:
        size = cuts.randint(1, 9)
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == [Instruction(*one) for one in packets]


@given(packets=st.lists(st.tuples(st.integers(0, 254), st.integers(0, 255), st.binary(max_size=24)), max_size=12))
def test_no_instruction_stops_the_bus(packets: list[tuple[int, int, bytes]]) -> None:
    bus = bus_of()
    for instruction in packets:
        for reply in bus.answer(Instruction(*instruction)):
            assert reply[:2] == b"\xff\xff"
            assert len(reply) == 4 + reply[3]


def test_a_damaged_instruction_is_skipped() -> None:
    damaged = bytearray(packet(1, Code.WRITE, bytes((40, 1))))
    damaged[-2] ^= 4
    assert Reader().feed(bytes(damaged) + packet(2, Code.PING)) == [Instruction(2, Code.PING, b"")]


@pytest.mark.parametrize("bit", [10, 11, 15])
@pytest.mark.parametrize("value", [0, 1, -1, 900, -900])
def test_signed_values(value: int, bit: int) -> None:
    assert signed(unsigned(value, bit), bit) == value


def test_reading_writing_and_pinging() -> None:
    bus = bus_of()
    assert ask(bus, 2, Code.PING) == [packet(2, 0)]
    assert ask(bus, 9, Code.PING) == []
    assert ask(bus, BROADCAST, Code.PING) == [packet(id, 0) for id in (1, 2, 3)]
    assert ask(bus, 1, Code.READ, bytes((Register.MODEL, 2))) == [packet(1, 0, word(777))]
    assert ask(bus, 1, Code.WRITE, bytes((Register.P, 16))) == [packet(1, 0)]
    assert ask(bus, 1, Code.READ, bytes((Register.P, 1))) == [packet(1, 0, b"\x10")]
    assert ask(bus, 1, Code.WRITE, bytes((Register.MODEL, 1))) == [packet(1, 0)]
    assert bus.servos[0].get(Register.MODEL, 2) == 777
    assert ask(bus, BROADCAST, Code.WRITE, bytes((Register.D, 7))) == []
    assert {servo.get(Register.D) for servo in bus.servos} == {7}


def test_all_at_once() -> None:
    bus = bus_of()
    for servo, position in zip(bus.servos, (100, 200, 300), strict=True):
        servo.sense(position, 0.0, 0.0)
    asked = bytes((Register.PRESENT_POSITION, 2, 3, 1, 7))
    assert ask(bus, BROADCAST, Code.SYNC_READ, asked) == [packet(3, 0, word(300)), packet(1, 0, word(100))]
    data = bytes((Register.GOAL_POSITION, 2)) + b"\x01" + word(500) + b"\x03" + word(700)
    assert ask(bus, BROADCAST, Code.SYNC_WRITE, data) == []
    assert [servo.goal for servo in bus.servos] == [500, 0, 700]


def test_registered_writes_wait_for_the_action() -> None:
    bus = bus_of(2)
    for id in (1, 2):
        ask(bus, id, Code.REG_WRITE, bytes((Register.GOAL_POSITION,)) + word(1000))
    assert [servo.goal for servo in bus.servos] == [0, 0]
    ask(bus, BROADCAST, Code.ACTION)
    assert [servo.goal for servo in bus.servos] == [1000, 1000]


def test_positions_are_counted_from_the_homing_offset_and_goals_kept_in_range() -> None:
    servo = Servo(1)
    servo.sense(3000, 0.0, 0.0)
    servo.write(Register.HOMING_OFFSET, word(unsigned(-200, 11)))
    assert servo.get(Register.PRESENT_POSITION, 2) == 3200
    servo.write(Register.HOMING_OFFSET, word(unsigned(953, 11)))
    assert servo.get(Register.PRESENT_POSITION, 2) == MIDDLE
    servo.write(Register.MIN_POSITION, word(1000))
    servo.write(Register.MAX_POSITION, word(3000))
    servo.write(Register.GOAL_POSITION, word(4000))
    assert servo.goal == 3000 + 953
    servo.sense(-5, 0.0, 0.0)
    assert servo.get(Register.PRESENT_POSITION, 2) == (-5 - 953) % RESOLUTION


def test_the_middle_can_be_set_where_the_arm_is() -> None:
    servo = Servo(1)
    servo.sense(3000, 0.0, 0.0)
    servo.write(Register.TORQUE_ENABLE, bytes((128,)))
    assert servo.get(Register.PRESENT_POSITION, 2) == MIDDLE
    assert not servo.powered


def test_torque_on_holds_where_it_is_and_protections_switch_it_off() -> None:
    servo = Servo(1)
    servo.sense(1500, 0.0, 0.0)
    servo.write(Register.GOAL_POSITION, word(3000))
    assert not servo.powered
    servo.write(Register.TORQUE_ENABLE, b"\x01")
    assert servo.powered
    assert servo.goal == 1500
    servo.trip(Error.OVERLOAD)
    assert not servo.powered
    assert servo.error == Error.OVERLOAD
    servo.write(Register.TORQUE_ENABLE, b"\x00")
    servo.write(Register.TORQUE_ENABLE, b"\x01")
    assert servo.powered
    servo.put(Register.PRESENT_TEMPERATURE, 1, 75)
    assert not servo.powered
    servo.put(Register.PRESENT_TEMPERATURE, 1, 40)
    servo.put(Register.PRESENT_VOLTAGE, 1, 35)
    assert servo.error == Error.VOLTAGE
    assert servo.powered


def test_only_an_unlocked_eeprom_survives_power_off() -> None:
    servo = Servo(4)
    servo.write(Register.LOCK, b"\x00")
    servo.write(Register.MIN_POSITION, word(321))
    servo.write(Register.TORQUE_ENABLE, b"\x01")
    servo.write(Register.LOCK, b"\x01")
    servo.write(Register.MAX_POSITION, word(999))
    servo.power_cycle()
    assert servo.id == 4
    assert servo.get(Register.MIN_POSITION, 2) == 321
    assert servo.get(Register.MAX_POSITION, 2) == RESOLUTION - 1
    assert not servo.powered


def test_faults_on_the_wire() -> None:
    bus = bus_of()
    bus.faults.absent.add(2)
    assert ask(bus, BROADCAST, Code.PING) == [packet(1, 0), packet(3, 0)]
    bus.faults = Faults(drop=0.5, seed=1)
    answered = sum(bool(ask(bus, 1, Code.PING)) for _ in range(200))
    assert 70 < answered < 130
    bus.faults = Faults(corrupt=1.0, seed=1)
    (reply,) = ask(bus, 1, Code.PING)
    assert reply != packet(1, 0)
    assert len(reply) == 6
