//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A resource that is counted device by device: who has a part of it has it of certain devices, and knows which.
///
/// Messages and the journal say the numbers, so those stay.
package enum Accelerator: UInt8, CaseIterable, Hashable, Sendable {
    case gpu = 0
    case neuronCores = 1
    case tpu = 2
    case npu = 3
    case hpu = 4
    case rbln = 5
    case furiosa = 6
    case tenstorrent = 7
    case mobilint = 8

    /// The resource's name.
    package var resource: String {
        switch self {
        case .gpu: ResourceSet.gpu
        case .neuronCores: "neuron_cores"
        case .tpu: "TPU"
        case .npu: "NPU"
        case .hpu: "HPU"
        case .rbln: "RBLN"
        case .furiosa: "FURIOSA"
        case .tenstorrent: "TTNPU"
        case .mobilint: "MBLT"
        }
    }

    private static let byResource = Dictionary(uniqueKeysWithValues: allCases.map { ($0.resource, $0) })

    /// The accelerator that a resource counts; nothing if that is not counted by devices.
    package init?(resource: String) {
        guard let accelerator = Self.byResource[resource] else { return nil }
        self = accelerator
    }

    /// Reads "KIND:rest": the resource's name, and what is behind the first colon.
    package static func split(_ text: some StringProtocol) -> (kind: Accelerator, rest: String)? {
        guard let colon = text.firstIndex(of: ":"), let kind = Accelerator(resource: String(text[..<colon])) else {
            return nil
        }
        return (kind, String(text[text.index(after: colon)...]))
    }
}

/// One device of a node.
package struct AcceleratorID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var kind: Accelerator
    /// From 0, among those of the kind on the node.
    package var number: UInt32

    package init(_ kind: Accelerator, _ number: UInt32) {
        self.kind = kind
        self.number = number
    }

    /// Reads what `description` says.
    package init?(_ text: some StringProtocol) {
        guard let (kind, rest) = Accelerator.split(text), let number = UInt32(rest) else { return nil }
        self.init(kind, number)
    }

    /// Reads `code`; nothing if it is none.
    package init?(code: Int) {
        guard let kind = UInt8(exactly: code >> 32).flatMap({ Accelerator(rawValue: $0) }) else { return nil }
        self.init(kind, UInt32(truncatingIfNeeded: code))
    }

    /// The device as one number, of a GPU its own.
    package var code: Int { Int(kind.rawValue) << 32 | Int(number) }

    /// "TPU:2".
    package var description: String { "\(kind.resource):\(number)" }

    package static func < (lhs: AcceleratorID, rhs: AcceleratorID) -> Bool { lhs.code < rhs.code }
}
