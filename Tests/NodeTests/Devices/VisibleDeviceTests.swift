//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCore
import RayNode
import RayRaylet
import RayWire
import Testing

@Suite("The devices that a process sees") struct VisibleDeviceTests {
    @Test(
        "The variable is read as CUDA reads it",
        arguments: [
            ("", []), ("NoDevFiles", []), ("-1", []), ("4,6", ["4", "6"]), ("4, 6", ["4", "6"]), ("0,-1,1", ["0"]),
            ("GPU-8932f937,MIG-1", ["GPU-8932f937", "MIG-1"]),
        ])
    func entries(text: String, names: [String]) { #expect(VisibleDevices(text).names == names) }

    @Test("A node has what it finds as far as the variable allows, or what it is told to have")
    func node() throws {
        let devices = NVIDIADevices(count: 4, acceleratorType: "T4")
        func resolve(_ given: Double?, _ visible: String?) throws -> (Double, String?) {
            try VisibleDevices.gpusOfNode(given: given, devices: devices, visible: visible.map { VisibleDevices($0) })
        }
        #expect(try resolve(nil, nil) == (4, "T4"))
        #expect(try resolve(nil, "3,1") == (2, "T4"))
        #expect(try resolve(nil, "0,1,2,3,4,5") == (4, "T4"))
        #expect(try resolve(nil, "") == (0, nil))
        #expect(try resolve(0, nil) == (0, nil))
        #expect(try resolve(8, nil) == (8, "T4"))
        #expect(try resolve(2, "3,1") == (2, "T4"))
        let error = #expect(throws: RayError.self) { try resolve(3, "3,1") }
        #expect(
            error?.message.hasPrefix(
                "Attempting to start raylet with 3 GPU, but CUDA_VISIBLE_DEVICES contains ['3', '1'].") == true)
    }

    /// What a worker with these GPUs finds in its environment.
    private func environment(
        _ gpus: [UInt32], _ others: [AcceleratorID] = [], node: [String] = [], program: [String] = [],
        task: [String: String] = [:], arguments: [String] = []
    ) -> [String: String] {
        var start = WorkerStart(
            startToken: 1,
            program: Program(
                hash: "p", path: "/p", byteCount: 1, arguments: [], environment: program, workingDirectory: "/"),
            path: "/p", job: JobID(1), environment: program)
        start.program.arguments = arguments
        let ids = gpus.map { AcceleratorID(.gpu, $0) } + others
        if !ids.isEmpty {
            start.environment.append(
                "SWIFT_RAY_ACCELERATOR_IDS=" + ids.map(\.description).joined(separator: ","))
        }
        start.variables = task.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }
        var result: [String: String] = [:]
        for variable in WorkerEnvironment(base: node).of(start) {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result[String(parts[0])] = String(parts[1])
        }
        return result
    }

    @Test("A worker sees its GPUs; without any it finds the variable as the node has it")
    func worker() {
        #expect(environment([1])["CUDA_VISIBLE_DEVICES"] == "1")
        #expect(environment([2, 0])["SWIFT_RAY_ACCELERATOR_NAMES"] == "GPU:2,GPU:0")
        #expect(environment([])["CUDA_VISIBLE_DEVICES"] == nil)
        #expect(environment([], node: ["CUDA_VISIBLE_DEVICES=4,6"])["CUDA_VISIBLE_DEVICES"] == "4,6")
    }

    @Test(
        "Each kind of accelerator has its variable, and its switch",
        arguments: [
            (Accelerator.neuronCores, "NEURON_RT_VISIBLE_CORES", "NEURON_RT_VISIBLE_CORES"),
            (.tpu, "TPU_VISIBLE_CHIPS", "TPU_VISIBLE_CHIPS"),
            (.npu, "ASCEND_RT_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"),
            (.hpu, "HABANA_VISIBLE_MODULES", "HABANA_VISIBLE_MODULES"),
            (.rbln, "RBLN_DEVICES", "RBLN_RT_VISIBLE_DEVICES"), (.furiosa, "FURIOSA_DEVICES", "FURIOSA_DEVICES"),
            (.tenstorrent, "TT_VISIBLE_DEVICES", "TENSTORRENT_VISIBLE_DEVICES"),
            (.mobilint, "QBRUNTIME_VISIBLE_DEVICES", "MBLT_RT_VISIBLE_DEVICES"),
        ])
    func kinds(_ kind: Accelerator, _ variable: String, _ name: String) {
        let ids = [AcceleratorID(kind, 2), AcceleratorID(kind, 0)]
        let seen = environment([1], ids, node: ["\(variable)=7,8,9"])
        #expect(seen[variable] == "9,7")
        #expect(seen["CUDA_VISIBLE_DEVICES"] == "1")
        #expect(seen["SWIFT_RAY_ACCELERATOR_NAMES"]?.contains("\(kind.resource):9,\(kind.resource):7") == true)
        #expect(environment([1])[variable] == nil)
        #expect(environment([], ids, node: ["RAY_EXPERIMENTAL_NOSET_\(name)=1"])[variable] == nil)
    }

    @Test("Crashes in Python are told by Python, unless the user wants Swift's frames")
    func backtraces() {
        let python = ["-s", "-m", "swift_ray.worker"]
        #expect(environment([], arguments: python)["SWIFT_BACKTRACE"] == "enable=no")
        #expect(environment([])["SWIFT_BACKTRACE"] == nil)
        let wanted = "SWIFT_BACKTRACE=color=no"
        #expect(environment([], node: [wanted], arguments: python)["SWIFT_BACKTRACE"] == "color=no")
        #expect(
            environment([], task: ["SWIFT_BACKTRACE": "enable=yes"], arguments: python)["SWIFT_BACKTRACE"]
                == "enable=yes")
    }

    @Test("Numbers count along the node's own variable")
    func mapped() {
        let seen = environment([1], node: ["CUDA_VISIBLE_DEVICES=4,6"])
        #expect(seen["CUDA_VISIBLE_DEVICES"] == "6")
        #expect(seen["SWIFT_RAY_ACCELERATOR_NAMES"] == "GPU:6")
        #expect(seen["SWIFT_RAY_ACCELERATOR_IDS"] == "GPU:1")
    }

    @Test("A runtime environment may say less than the node has, and then all of it is seen")
    func narrowed() {
        let seen = environment([3], node: ["CUDA_VISIBLE_DEVICES=4,5,6,7"], task: ["CUDA_VISIBLE_DEVICES": "9"])
        #expect(seen["CUDA_VISIBLE_DEVICES"] == "9")
    }

    @Test("A runtime environment cannot give a worker other GPUs than its lease has")
    func forged() {
        #expect(environment([1], task: ["SWIFT_RAY_ACCELERATOR_IDS": "GPU:0"])["CUDA_VISIBLE_DEVICES"] == "1")
    }

    @Test("Ray's switches: empty without GPUs, and hands off")
    func switches() {
        let empty = "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=1"
        #expect(environment([], node: [empty])["CUDA_VISIBLE_DEVICES"] == "")
        #expect(environment([], node: ["CUDA_VISIBLE_DEVICES=4", empty])["CUDA_VISIBLE_DEVICES"] == "")
        let off = environment([1], node: ["RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES=true"])
        #expect(off["CUDA_VISIBLE_DEVICES"] == nil)
        #expect(off["SWIFT_RAY_ACCELERATOR_NAMES"] == "GPU:1")
    }

    @Test("A program that shows CUDA the GPUs of each task is left to it")
    func perTask() {
        let seen = environment([1], node: ["CUDA_VISIBLE_DEVICES=4,6"], program: ["SWIFT_RAY_ACCELERATORS_PER_TASK=1"])
        #expect(seen["CUDA_VISIBLE_DEVICES"] == "4,6")
        #expect(seen["SWIFT_RAY_ACCELERATOR_IDS"] == "GPU:1")
    }

    @Test("The type of its GPUs is a label of the node, if it can be one; what the user says wins")
    func label() {
        #expect(DefaultLabels.detect(acceleratorType: "T4") { _ in nil } == ["ray.io/accelerator-type": "T4"])
        #expect(DefaultLabels.detect(acceleratorType: "T4 (x)") { _ in nil }.isEmpty)
    }
}
