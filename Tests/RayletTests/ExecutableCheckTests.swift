//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayRaylet
import Testing

@Suite struct ExecutableCheckTests {
    #if arch(x86_64)
    static let machine: UInt16 = 62
    static let other: UInt16 = 183
    #else
    static let machine: UInt16 = 183
    static let other: UInt16 = 62
    #endif

    static let node = ExecutableCheck.Node(machine: machine, libraryVersion: version("99.0"))

    static func version(_ text: String) -> ExecutableCheck.Version {
        guard let version = ExecutableCheck.Version(text) else { preconditionFailure("\(text) is no version") }
        return version
    }

    /// `/bin/sh` of this machine: small, and linked against the C library.
    static let shell: [UInt8] = {
        guard let file = fopen("/bin/sh", "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }()

    static func problem(
        _ bytes: [UInt8], on node: ExecutableCheck.Node = node,
        hasLibrary: (String, [String]) -> Bool = { _, _ in true }
    ) -> RayError? {
        bytes.withUnsafeBytes {
            ExecutableCheck.problem(in: $0, path: "/x/app", on: node, hasLibrary: hasLibrary)
        }
    }

    @Test("A program of this machine can run")
    func runs() {
        #expect(Self.problem(Self.shell) == nil)
        #expect(Self.problem(Array("#!/bin/sh\n".utf8)) == nil)
    }

    @Test("A program of another machine is refused by name")
    func machine() {
        var node = Self.node
        node.machine = Self.other
        let error = Self.problem(Self.shell, on: node)
        #expect(error?.type == .runtimeEnvSetupFailed)
        #expect(error?.message.contains("aarch64") == true && error?.message.contains("x86_64") == true)
    }

    @Test("Missing libraries are named with the remedy")
    func libraries() {
        let error = Self.problem(Self.shell) { name, _ in !name.hasPrefix("libc.so") }
        #expect(error?.message.contains("libc.so.6") == true)
        #expect(error?.message.contains("--static-swift-stdlib") == true)
    }

    @Test("A C library that is too old is named with both versions")
    func libraryVersion() {
        let node = ExecutableCheck.Node(machine: Self.machine, libraryVersion: Self.version("2.1"))
        let error = Self.problem(Self.shell, on: node)
        #expect(error?.message.contains("this node has 2.1") == true)
        #expect(Self.version("2.9") < Self.version("2.34"))
    }

    @Test("A file that is cut off or damaged anywhere never traps")
    func damaged() {
        #expect(Self.problem([]) != nil)
        #expect(Self.problem(Array(Self.shell.prefix(2_000))) != nil)
        var generator = SplitMix64(seed: 3)
        for _ in 0..<100 {
            var bytes = Array(Self.shell.prefix(Int.random(in: 0...Self.shell.count, using: &generator)))
            for _ in 0..<20 where !bytes.isEmpty {
                let end = min(bytes.count, Bool.random(using: &generator) ? 1_000 : bytes.count)
                bytes[Int.random(in: 0..<end, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = Self.problem(bytes)
        }
    }

    @Test("No number in the headers traps, however large")
    func extremeNumbers() {
        let numbers: [UInt64] = [.max, .max - 4_096, 1 << 63, 1 << 40]
        for place in stride(from: 0, to: 1_000, by: 8) {
            for number in numbers {
                var bytes = Self.shell
                withUnsafeBytes(of: number.littleEndian) { bytes.replaceSubrange(place..<place + 8, with: $0) }
                _ = Self.problem(bytes)
            }
        }
    }
}
