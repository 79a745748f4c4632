//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// The devices of a kind that a process is allowed to see by a variable: numbers or UUIDs, in order.
///
/// The cluster numbers the devices of a node from 0. Under such a list number 0 is its first entry, and so on.
package struct VisibleDevices: Hashable, Sendable {
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

    /// What to call the devices of these numbers: all of the list if it has not as many, as where a runtime environment
    /// has made it shorter. Without a list numbers are names.
    package static func names(of numbers: [UInt32], in visible: VisibleDevices?) -> [String] {
        guard let visible else { return numbers.map(String.init) }
        let places = numbers.map { Int($0) }
        return places.allSatisfy(visible.names.indices.contains) ? places.map { visible.names[$0] } : visible.names
    }

    /// How many GPUs a node has, and of which type.
    ///
    /// - Parameter given: What the user says, instead of what the machine has.
    /// - Throws: `invalidArgument` if that is more than the list allows.
    package static func gpusOfNode(
        given: Double?, devices: NVIDIADevices, visible: VisibleDevices?
    ) throws(RayError) -> (count: Double, acceleratorType: String?) {
        if let given, let visible, given > Double(visible.names.count) {
            let list = visible.names.map { "'\($0)'" }.joined(separator: ", ")
            throw RayError(
                .invalidArgument,
                "Attempting to start raylet with \(ResourceAmount(given)) GPU, but \(Accelerator.gpu.variable) contains "
                    + "[\(list)]. Ask for fewer GPUs, or unset the variable.")
        }
        let count = given ?? Double(min(devices.count, visible?.names.count ?? devices.count))
        return (count, count > 0 ? devices.acceleratorType : nil)
    }
}

extension Accelerator {
    /// What the library of these devices reads to know which of them it may use, as in Ray.
    package var variable: String {
        switch self {
        case .gpu: "CUDA_VISIBLE_DEVICES"
        case .neuronCores: "NEURON_RT_VISIBLE_CORES"
        case .tpu: "TPU_VISIBLE_CHIPS"
        case .npu: "ASCEND_RT_VISIBLE_DEVICES"
        case .hpu: "HABANA_VISIBLE_MODULES"
        case .rbln: "RBLN_DEVICES"
        case .furiosa: "FURIOSA_DEVICES"
        case .tenstorrent: "TT_VISIBLE_DEVICES"
        case .mobilint: "QBRUNTIME_VISIBLE_DEVICES"
        }
    }

    /// Ray's switch that leaves `variable` alone.
    var handsOffVariable: String {
        switch self {
        case .rbln: "RAY_EXPERIMENTAL_NOSET_RBLN_RT_VISIBLE_DEVICES"
        case .tenstorrent: "RAY_EXPERIMENTAL_NOSET_TENSTORRENT_VISIBLE_DEVICES"
        case .mobilint: "RAY_EXPERIMENTAL_NOSET_MBLT_RT_VISIBLE_DEVICES"
        default: "RAY_EXPERIMENTAL_NOSET_\(variable)"
        }
    }
}
