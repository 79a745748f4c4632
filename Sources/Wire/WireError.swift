//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Why bytes are not a frame or a message.
package enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end before the value does.
    case truncated
    /// The first four bytes are not our magic: the peer speaks another protocol.
    case badMagic(UInt32)
    /// The peer's versions and ours do not overlap.
    case unsupportedVersion(UInt8)
    /// A length or count is over its named limit.
    case limitExceeded(String, Int)
    /// A number stands for no known case.
    case unknownCase(String, Int)
    /// A string is not UTF-8.
    case invalidText

    package var description: String {
        switch self {
        case .truncated: "the bytes end before the value does"
        case .badMagic(let magic):
            "the peer does not speak swift-ray's protocol (first bytes 0x\(String(magic, radix: 16)))"
        case .unsupportedVersion(let version): "the peer speaks protocol version \(version), which is not supported"
        case .limitExceeded(let name, let value): "\(name) is over its limit: \(value)"
        case .unknownCase(let type, let value): "\(value) stands for no known \(type)"
        case .invalidText: "a text is not UTF-8"
        }
    }
}
