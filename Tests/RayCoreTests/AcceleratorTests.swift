//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import Testing

@Suite("Accelerators") struct AcceleratorTests {
    @Test(
        "A device comes back from its text and its code; that of a GPU is its number", arguments: Accelerator.allCases)
    func devices(_ kind: Accelerator) {
        for number in [0, 7, UInt32.max] {
            let device = AcceleratorID(kind, number)
            #expect(AcceleratorID(device.description) == device)
            #expect(AcceleratorID(code: device.code) == device)
        }
        #expect(Accelerator(resource: kind.resource) == kind)
        #expect(AcceleratorID(.gpu, 3).code == 3)
    }

    @Test(
        "What is behind the first colon is the rest, colons and all", arguments: ["", "0", "GPU-8932f937", "a:b", ":"])
    func rest(_ rest: String) {
        let parts = Accelerator.split("neuron_cores:" + rest)
        #expect(parts?.kind == .neuronCores && parts?.rest == rest)
    }

    @Test("What is no device is none")
    func strangers() {
        for text in ["", "GPU", "GPU:", "GPU:-1", "GPU:4294967296", "CPU:0", ":1"] {
            #expect(AcceleratorID(text) == nil)
        }
        for text in ["", "GPU", "CPU:0", ":1", "gpu:1"] { #expect(Accelerator.split(text) == nil) }
        for code in [-1, Int.min, Int.max, 200 << 32] { #expect(AcceleratorID(code: code) == nil) }
        #expect(Accelerator(resource: "CPU") == nil)
    }
}
