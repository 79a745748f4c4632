//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// The GPUs that `CUDA_VISIBLE_DEVICES` allows: numbers or UUIDs of devices, in order.
///
/// The cluster numbers the GPUs of a node from 0. Under such a list number 0 is its first entry, and so on.
package struct VisibleGPUs: Hashable, Sendable {
    /// What CUDA reads.
    package static let variable = "CUDA_VISIBLE_DEVICES"

    /// The entries.
    package let names: [String]

    /// Reads the variable's value. Like CUDA it hides what follows an entry of -1.
    package init(_ text: String) {
        guard text != "NoDevFiles" else {
            names = []
            return
        }
        let entries = text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
        names = Array(entries.prefix { $0 != "-1" }.filter { !$0.isEmpty })
    }

    /// What to call the GPUs of these numbers: all of the list if it has not as many, as where a runtime environment
    /// has made it shorter. Without a list numbers are names.
    package static func names(of ids: [Int], in visible: VisibleGPUs?) -> [String] {
        guard let visible else { return ids.map(String.init) }
        return ids.allSatisfy(visible.names.indices.contains) ? ids.map { visible.names[$0] } : visible.names
    }

    /// How many GPUs a node has, and of which type.
    ///
    /// - Parameter given: What the user says, instead of what the machine has.
    /// - Throws: `invalidArgument` if that is more than the list allows.
    package static func ofNode(
        given: Double?, devices: NVIDIADevices, visible: VisibleGPUs?
    ) throws(RayError) -> (count: Double, acceleratorType: String?) {
        if let given, let visible, given > Double(visible.names.count) {
            let list = visible.names.map { "'\($0)'" }.joined(separator: ", ")
            throw RayError(
                .invalidArgument,
                "Attempting to start raylet with \(ResourceAmount(given)) GPU, but \(variable) contains [\(list)]. "
                    + "Ask for fewer GPUs, or unset the variable.")
        }
        let count = given ?? Double(min(devices.count, visible?.names.count ?? devices.count))
        return (count, count > 0 ? devices.acceleratorType : nil)
    }
}
