//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import NIOCore
import RayGRPC
import Testing

/// A plain value, what Python's `msgpack` makes of it, and its pickles.
struct PickleSample: CustomTestStringConvertible {
    /// The value in Python.
    let testDescription: String
    /// In hexadecimal; bytes are themselves.
    let value: (hex: String, isRaw: Bool)
    /// In hexadecimal: of `pickle.dumps(value, protocol)`, `pickle._dumps` and `ray.cloudpickle.dumps`, protocols 2 to 5.
    let pickles: [String]

    private init(_ python: String, packed: String, _ pickles: [String]) {
        self.init(testDescription: python, value: (packed, false), pickles: pickles)
    }

    private init(_ python: String, raw: String, _ pickles: [String]) {
        self.init(testDescription: python, value: (raw, true), pickles: pickles)
    }

    private init(testDescription: String, value: (hex: String, isRaw: Bool), pickles: [String]) {
        self.testDescription = testDescription
        self.value = value
        self.pickles = pickles
    }

    /// The value in the store.
    var plain: PlainValue {
        get throws {
            let bytes = try ByteBuffer(plainHexEncodedBytes: value.hex)
            return value.isRaw ? .raw(bytes) : .messagePack(bytes)
        }
    }

    static let all: [PickleSample] = [
        PickleSample("None", packed: "c0", ["80024e2e", "80034e2e", "80044e2e", "80054e2e"]),
        PickleSample("True", packed: "c3", ["8002882e", "8003882e", "8004882e", "8005882e"]),
        PickleSample("False", packed: "c2", ["8002892e", "8003892e", "8004892e", "8005892e"]),
        PickleSample("0", packed: "00", ["80024b002e", "80034b002e", "80044b002e", "80054b002e"]),
        PickleSample("127", packed: "7f", ["80024b7f2e", "80034b7f2e", "80044b7f2e", "80054b7f2e"]),
        PickleSample("128", packed: "cc80", ["80024b802e", "80034b802e", "80044b802e", "80054b802e"]),
        PickleSample("255", packed: "ccff", ["80024bff2e", "80034bff2e", "80044bff2e", "80054bff2e"]),
        PickleSample(
            "256", packed: "cd0100",
            [
                "80024d00012e", "80034d00012e", "80049504000000000000004d00012e", "80059504000000000000004d00012e",
            ]),
        PickleSample(
            "65535", packed: "cdffff",
            [
                "80024dffff2e", "80034dffff2e", "80049504000000000000004dffff2e", "80059504000000000000004dffff2e",
            ]),
        PickleSample(
            "65536", packed: "ce00010000",
            [
                "80024a000001002e", "80034a000001002e", "80049506000000000000004a000001002e",
                "80059506000000000000004a000001002e",
            ]),
        PickleSample(
            "2**31 - 1", packed: "ce7fffffff",
            [
                "80024affffff7f2e", "80034affffff7f2e", "80049506000000000000004affffff7f2e",
                "80059506000000000000004affffff7f2e",
            ]),
        PickleSample(
            "2**31", packed: "ce80000000",
            [
                "80028a0500000080002e", "80038a0500000080002e", "80049508000000000000008a0500000080002e",
                "80059508000000000000008a0500000080002e",
            ]),
        PickleSample(
            "2**32", packed: "cf0000000100000000",
            [
                "80028a0500000000012e", "80038a0500000000012e", "80049508000000000000008a0500000000012e",
                "80059508000000000000008a0500000000012e",
            ]),
        PickleSample(
            "2**63 - 1", packed: "cf7fffffffffffffff",
            [
                "80028a08ffffffffffffff7f2e", "80038a08ffffffffffffff7f2e",
                "8004950b000000000000008a08ffffffffffffff7f2e",
                "8005950b000000000000008a08ffffffffffffff7f2e",
            ]),
        PickleSample(
            "2**63", packed: "cf8000000000000000",
            [
                "80028a090000000000000080002e", "80038a090000000000000080002e",
                "8004950c000000000000008a090000000000000080002e", "8005950c000000000000008a090000000000000080002e",
            ]),
        PickleSample(
            "2**64 - 1", packed: "cfffffffffffffffff",
            [
                "80028a09ffffffffffffffff002e", "80038a09ffffffffffffffff002e",
                "8004950c000000000000008a09ffffffffffffffff002e", "8005950c000000000000008a09ffffffffffffffff002e",
            ]),
        PickleSample(
            "-1", packed: "ff",
            [
                "80024affffffff2e", "80034affffffff2e", "80049506000000000000004affffffff2e",
                "80059506000000000000004affffffff2e",
            ]),
        PickleSample(
            "-32", packed: "e0",
            [
                "80024ae0ffffff2e", "80034ae0ffffff2e", "80049506000000000000004ae0ffffff2e",
                "80059506000000000000004ae0ffffff2e",
            ]),
        PickleSample(
            "-33", packed: "d0df",
            [
                "80024adfffffff2e", "80034adfffffff2e", "80049506000000000000004adfffffff2e",
                "80059506000000000000004adfffffff2e",
            ]),
        PickleSample(
            "-128", packed: "d080",
            [
                "80024a80ffffff2e", "80034a80ffffff2e", "80049506000000000000004a80ffffff2e",
                "80059506000000000000004a80ffffff2e",
            ]),
        PickleSample(
            "-129", packed: "d1ff7f",
            [
                "80024a7fffffff2e", "80034a7fffffff2e", "80049506000000000000004a7fffffff2e",
                "80059506000000000000004a7fffffff2e",
            ]),
        PickleSample(
            "-32768", packed: "d18000",
            [
                "80024a0080ffff2e", "80034a0080ffff2e", "80049506000000000000004a0080ffff2e",
                "80059506000000000000004a0080ffff2e",
            ]),
        PickleSample(
            "-32769", packed: "d2ffff7fff",
            [
                "80024aff7fffff2e", "80034aff7fffff2e", "80049506000000000000004aff7fffff2e",
                "80059506000000000000004aff7fffff2e",
            ]),
        PickleSample(
            "-2**31", packed: "d280000000",
            [
                "80024a000000802e", "80034a000000802e", "80049506000000000000004a000000802e",
                "80059506000000000000004a000000802e",
            ]),
        PickleSample(
            "-2**31 - 1", packed: "d3ffffffff7fffffff",
            [
                "80028a05ffffff7fff2e", "80038a05ffffff7fff2e", "80049508000000000000008a05ffffff7fff2e",
                "80059508000000000000008a05ffffff7fff2e",
            ]),
        PickleSample(
            "-2**63", packed: "d38000000000000000",
            [
                "80028a0800000000000000802e", "80038a0800000000000000802e",
                "8004950b000000000000008a0800000000000000802e",
                "8005950b000000000000008a0800000000000000802e",
            ]),
        PickleSample(
            "1.5", packed: "cb3ff8000000000000",
            [
                "8002473ff80000000000002e", "8003473ff80000000000002e", "8004950a00000000000000473ff80000000000002e",
                "8005950a00000000000000473ff80000000000002e",
            ]),
        PickleSample(
            "-0.0", packed: "cb8000000000000000",
            [
                "80024780000000000000002e", "80034780000000000000002e", "8004950a000000000000004780000000000000002e",
                "8005950a000000000000004780000000000000002e",
            ]),
        PickleSample(
            "float('inf')", packed: "cb7ff0000000000000",
            [
                "8002477ff00000000000002e", "8003477ff00000000000002e", "8004950a00000000000000477ff00000000000002e",
                "8005950a00000000000000477ff00000000000002e",
            ]),
        PickleSample(
            "''", packed: "a0",
            [
                "8002580000000071002e", "8003580000000071002e", "80049504000000000000008c00942e",
                "80059504000000000000008c00942e",
            ]),
        PickleSample(
            "'a'", packed: "a161",
            [
                "800258010000006171002e", "800358010000006171002e", "80049505000000000000008c0161942e",
                "80059505000000000000008c0161942e",
            ]),
        PickleSample(
            "'ä€'", packed: "a5c3a4e282ac",
            [
                "80025805000000c3a4e282ac71002e", "80035805000000c3a4e282ac71002e",
                "80049509000000000000008c05c3a4e282ac942e", "80059509000000000000008c05c3a4e282ac942e",
            ]),
        PickleSample(
            "b''", raw: "", ["8003430071002e", "80049504000000000000004300942e", "80059504000000000000004300942e"]),
        PickleSample(
            "b'ab'", raw: "6162",
            [
                "80034302616271002e", "800495060000000000000043026162942e", "800595060000000000000043026162942e",
            ]),
        PickleSample("[]", packed: "90", ["80025d71002e", "80035d71002e", "80045d942e", "80055d942e"]),
        PickleSample(
            "[1]", packed: "9101",
            [
                "80025d71004b01612e", "80035d71004b01612e", "80049506000000000000005d944b01612e",
                "80059506000000000000005d944b01612e",
            ]),
        PickleSample(
            "[1, 'a']", packed: "9201a161",
            [
                "80025d7100284b015801000000617101652e", "80035d7100284b015801000000617101652e",
                "8004950b000000000000005d94284b018c016194652e", "8005950b000000000000005d94284b018c016194652e",
            ]),
        PickleSample("{}", packed: "80", ["80027d71002e", "80037d71002e", "80047d942e", "80057d942e"]),
        PickleSample(
            "{'a': 1}", packed: "81a16101",
            [
                "80027d710058010000006171014b01732e", "80037d710058010000006171014b01732e",
                "8004950a000000000000007d948c0161944b01732e", "8005950a000000000000007d948c0161944b01732e",
            ]),
        PickleSample(
            "{'a': [], 1: None}", packed: "82a1619001c0",
            [
                "80027d71002858010000006171015d71024b014e752e", "80037d71002858010000006171015d71024b014e752e",
                "8004950e000000000000007d94288c0161945d944b014e752e",
                "8005950e000000000000007d94288c0161945d944b014e752e",
            ]),
        PickleSample(
            "{True: 1.5, None: {}, b'k': b'v'}", packed: "83c3cb3ff8000000000000c080c4016bc40176",
            [
                "80037d71002888473ff80000000000004e7d710143016b71024301767103752e",
                "8004951a000000000000007d942888473ff80000000000004e7d9443016b9443017694752e",
                "8005951a000000000000007d942888473ff80000000000004e7d9443016b9443017694752e",
            ]),
        PickleSample(
            "[[[]], {'x': [1]}]", packed: "92919081a1789101",
            [
                "80025d7100285d71015d7102617d710358010000007871045d71054b016173652e",
                "80035d7100285d71015d7102617d710358010000007871045d71054b016173652e",
                "80049516000000000000005d94285d945d94617d948c0178945d944b016173652e",
                "80059516000000000000005d94285d945d94617d948c0178945d944b016173652e",
            ]),
        PickleSample(
            "['ab', 'ab', b'c' * 2, b'c' * 2]", packed: "94a26162a26162c4026363c4026363",
            [
                "80035d71002858020000006162710168014302636371026802652e",
                "80049513000000000000005d94288c02616294680143026363946802652e",
                "80059513000000000000005d94288c02616294680143026363946802652e",
            ]),
    ]
}
