//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What the pickler of Python writes for plain values, in its protocols 2 to 5.
enum PickleOpcode: UInt8 {
    /// Which protocol it is; the first of all.
    case proto = 0x80
    /// The end; the value is on the stack.
    case stop = 0x2E
    /// How many bytes follow that are read at once.
    case frame = 0x95

    case pushNone = 0x4E
    case newTrue = 0x88
    case newFalse = 0x89
    case binInt1 = 0x4B
    case binInt2 = 0x4D
    case binInt = 0x4A
    /// A number of any size: how many bytes, and they, the lowest first, in two's complement.
    case long1 = 0x8A
    case binFloat = 0x47
    case shortBinUnicode = 0x8C
    case binUnicode = 0x58
    case binUnicode8 = 0x8D
    case shortBinBytes = 0x43
    case binBytes = 0x42
    case binBytes8 = 0x8E
    case byteArray8 = 0x96
    /// The next of the buffers that lie beside the pickle, and that it may not be written.
    case nextBuffer = 0x97
    case readOnlyBuffer = 0x98

    case emptyList = 0x5D
    case append = 0x61
    case appends = 0x65
    case emptyDict = 0x7D
    case setItem = 0x73
    case setItems = 0x75
    case emptyTuple = 0x29
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case tuple = 0x74
    /// Where on the stack the items begin that one of the others takes.
    case mark = 0x28

    /// Remembers what is on top of the stack, by the next number or one that is said.
    case memoize = 0x94
    case binPut = 0x71
    case longBinPut = 0x72
    /// What was remembered, once more.
    case binGet = 0x68
    case longBinGet = 0x6A
}
