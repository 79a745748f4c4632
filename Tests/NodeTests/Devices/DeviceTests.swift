//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import RayCore
import RayNode
import Testing

@Suite("The devices of a machine") struct DeviceTests {
    /// A tree of files as the kernel and NVIDIA's driver show them.
    private struct Machine {
        let tree: DeviceTree

        init() throws {
            tree = DeviceTree(root: "/tmp/devices-\(UInt64.random(in: .min ... .max))")
            try FileManager.default.createDirectory(atPath: tree.root, withIntermediateDirectories: true)
        }

        func write(_ path: String, _ text: String = "") throws {
            let file = URL(fileURLWithPath: tree.root + path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }

        func describe(_ device: Int, _ model: String) throws {
            try write(
                "/proc/driver/nvidia/gpus/0000:0\(9 - device):00.0/information",
                "Model: \t\t \(model)\nIRQ:   \t\t 24\nBus Type: \t PCIe\nDevice Minor: \t \(device)\n")
        }

        func run(_ body: () throws -> Void) throws {
            defer { try? FileManager.default.removeItem(atPath: tree.root) }
            try body()
        }
    }

    @Test("A machine without the driver has no GPUs")
    func none() throws {
        let machine = try Machine()
        try machine.run { #expect(NVIDIADevices.detect(in: machine.tree) == NVIDIADevices(count: 0)) }
    }

    @Test("GPUs are counted by their devices, and the driver's files say what the first one is")
    func files() throws {
        let machine = try Machine()
        try machine.run {
            for name in ["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"] { try machine.write("/dev/\(name)") }
            try machine.describe(0, "Tesla T4")
            try machine.describe(1, "NVIDIA A100-SXM4-40GB")
            #expect(NVIDIADevices.detect(in: machine.tree) == NVIDIADevices(count: 2, acceleratorType: "T4"))
        }
    }

    @Test("A container sees all GPUs of its machine in /proc, and has those in /dev")
    func container() throws {
        let machine = try Machine()
        try machine.run {
            try machine.describe(0, "Tesla T4")
            try machine.describe(1, "NVIDIA L4")
            #expect(NVIDIADevices.detect(in: machine.tree) == NVIDIADevices(count: 0))
            try machine.write("/dev/nvidia1")
            #expect(NVIDIADevices.detect(in: machine.tree) == NVIDIADevices(count: 1, acceleratorType: "L4"))
        }
    }

    @Test("NVIDIA's library, where it can be opened, is believed more than files")
    func library() throws {
        let machine = try Machine()
        try machine.run {
            try machine.write("/dev/nvidia0")
            try machine.write("/fake.c", Self.library)
            try machine.write("/lib/none")
            let compiler = Process()
            compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            compiler.arguments = [
                "cc", "-shared", "-fPIC", "-o", machine.tree.managementLibrary, machine.tree.root + "/fake.c",
            ]
            try compiler.run()
            compiler.waitUntilExit()
            try #require(compiler.terminationStatus == 0)
            let expected = NVIDIADevices(count: 3, acceleratorType: "RTX-PRO-6000")
            #expect(NVIDIADevices.detect(in: machine.tree) == expected)
        }
    }

    /// A library of a driver that knows three GPUs; it is not asked for anything but the first one's name.
    private static let library = """
        #include <string.h>
        static int is_ready;
        int nvmlInit_v2(void) { is_ready = 1; return 0; }
        int nvmlShutdown(void) { is_ready = 0; return 0; }
        int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return is_ready ? 0 : 1; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = &is_ready; return (int)index; }
        int nvmlDeviceGetName(void *device, char *name, unsigned length) {
            strncpy(name, "NVIDIA RTX PRO 6000 Blackwell Server Edition", length);
            return device == &is_ready ? 0 : 2;
        }
        """

    @Test(
        "Models have Ray's names",
        arguments: [
            ("Tesla V100-SXM2-16GB", "V100"), ("NVIDIA A100-SXM4-40GB", "A100"), ("Tesla T4", "T4"),
            ("NVIDIA H100 80GB HBM3", "H100"), ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
            ("NVIDIA GeForce RTX 5090", "GeForce-RTX-5090"), ("NVIDIA TITAN V", "TITAN-V"),
            ("Quadro RTX 6000", "RTX-6000"),
            ("NVIDIA GeForce GTX 1080 Ti", "GeForce-GTX-1080-Ti"), ("T4", "T4"), ("Some 7", "Some-7"),
        ])
    func models(model: String, type: String) { #expect(NVIDIADevices.acceleratorType(ofModel: model) == type) }

    @Test("No model, no type")
    func noModel() { #expect(NVIDIADevices.acceleratorType(ofModel: " ") == nil) }

    @Test("Memory nodes are read with the CPUs that may be used; one alone is none")
    func memoryNodes() throws {
        let machine = try Machine()
        try machine.run {
            let folder = "/sys/devices/system/node"
            try machine.write("\(folder)/node0/cpulist", "0-3,8\n")
            try machine.write("\(folder)/node10/cpulist", "4-7\n")
            try machine.write("\(folder)/node2/cpulist", "\n")
            try machine.write("\(folder)/possible", "0-10\n")
            #expect(
                machine.tree.memoryNodes(allowed: Set(0...7)) == [
                    MemoryNode(number: 0, cpus: [0, 1, 2, 3]), MemoryNode(number: 10, cpus: [4, 5, 6, 7]),
                ])
            #expect(machine.tree.memoryNodes(allowed: [0, 1, 8]).isEmpty)
        }
    }

    @Test(
        "The kernel's lists of numbers",
        arguments: [("0-2,5\n", [0, 1, 2, 5]), ("", []), ("7", [7]), ("3-1,x,1-y,-2,4", [4]), ("1,1,0-1", [0, 1])])
    func lists(text: String, numbers: [Int]) { #expect(DeviceTree.list(text) == numbers) }
}
