//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayNode
import Testing

@Suite struct DefaultLabelTests {
    @Test("A node is labelled from the variables that an operator sets, unless their values cannot be labels")
    func detects() {
        let variables = ["RAY_NODE_TYPE_NAME": "gpu-group", "RAY_NODE_ZONE": "eu 1", "RAY_NODE_MARKET_TYPE": ""]
        #expect(DefaultLabels.detect { variables[$0] } == ["ray.io/node-group": "gpu-group"])
    }
}
