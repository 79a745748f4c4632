//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The labels that a node has from its surroundings, by Ray's names; the operator of a cluster sets the variables.
package enum DefaultLabels {
    private static let variables = [
        ("RAY_NODE_TYPE_NAME", "ray.io/node-group"), ("RAY_NODE_MARKET_TYPE", "ray.io/market-type"),
        ("RAY_NODE_REGION", "ray.io/availability-region"), ("RAY_NODE_ZONE", "ray.io/availability-zone"),
    ]

    /// Those that `read` has a value for and the type of the node's GPUs, except values that no label can have.
    package static func detect(
        acceleratorType: String? = nil, _ read: (String) -> String? = { environment($0) }
    ) -> [String: String] {
        var labels: [String: String] = [:]
        if let acceleratorType, LabelSelector.isSound(value: acceleratorType) {
            labels["ray.io/accelerator-type"] = acceleratorType
        }
        for (variable, key) in variables {
            guard let value = read(variable), !value.isEmpty, LabelSelector.isSound(value: value) else { continue }
            labels[key] = value
        }
        return labels
    }
}
