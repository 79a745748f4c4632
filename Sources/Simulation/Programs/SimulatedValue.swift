//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Numbers as objects: eight bytes, then a pattern that depends on the number, so that damage is seen.
enum SimulatedValue {
    static func object(_ value: UInt64, bytes: Int, contained: [ObjectReference] = []) -> RayObject {
        var data = [UInt8](repeating: UInt8(truncatingIfNeeded: value), count: max(8, bytes))
        for index in 0..<8 { data[index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
        return RayObject(data: data, metadata: ObjectMetadata.raw, contained: contained)
    }

    /// The number in the bytes; nothing if they are damaged. Looks at every 64th byte: room is given in such units.
    static func read(_ data: ArraySlice<UInt8>) -> UInt64? {
        guard data.count >= 8 else { return nil }
        let start = data.startIndex
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(data[start + index]) << (8 * UInt64(index)) }
        let pattern = UInt8(truncatingIfNeeded: value)
        var offset = 64
        while offset < data.count {
            guard data[start + offset] == pattern else { return nil }
            offset += 64
        }
        return data.count == 8 || data[data.endIndex - 1] == pattern ? value : nil
    }
}
