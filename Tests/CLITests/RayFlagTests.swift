//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCLI
import RayCore
import RayNode
import Testing

/// Serialized: they change this process's environment.
@Suite("Ray's flags", .serialized) struct RayFlagTests {
    private static let variable = "SWIFT_RAY_EXPECTED_PROGRAM"
    private let command = [
        "/somewhere/raylet", "--session_dir=/tmp/s", "--gcs-address=127.0.0.1:6379", "--node_id=ab",
        "--object_store_memory=1000", "--head",
    ]

    private func program(_ text: String?) throws -> Program? {
        if let text { setenv(Self.variable, text, 1) }
        defer { unsetenv(Self.variable) }
        let settings = try #require(try RayFlags(command)).settings
        #expect(settings["head"] == "1")
        // As the role reads it.
        return RoleSettings(text: settings.text).program
    }

    @Test("The driver says which program its workers will run")
    func expected() throws {
        let text = #"""
            {"python": "/usr/bin/python3", "arguments": ["-s", "", "-m", "swift_ray.worker"],
             "environment": ["A=1", "PATH=/a b:/%n", "KEY=one\r\ntwo\r"], "folder": "/tmp/\u00fc"}
            """#
        let expected = Program(
            hash: "", path: "/usr/bin/python3", byteCount: 0, arguments: ["-s", "", "-m", "swift_ray.worker"],
            environment: ["A=1", "PATH=/a b:/%n", "KEY=one\r\ntwo\r"], workingDirectory: "/tmp/ü")
        #expect(try program(text) == expected)
    }

    @Test("The head is reached by its socket where there is one, else by its address")
    func waysToTheHead() throws {
        let folder = "/tmp/ray-flags-\(getpid())"
        defer {
            rmdir(folder + "/links")
            rmdir(folder)
        }
        var command = command
        command[1] = "--session_dir=" + folder
        let settings = try #require(try RayFlags(command)).settings
        #expect(settings["gcs_socket"] == nil)
        #expect(settings["gcs_host"] == "127.0.0.1" && settings["gcs_port"] == "6379")
        mkdir(folder, 0o700)
        mkdir(folder + "/links", 0o700)
        let socket = folder + "/links/gcs.sock"
        close(open(socket, O_CREAT | O_WRONLY, 0o600))
        defer { unlink(socket) }
        #expect(try #require(try RayFlags(command)).settings["gcs_socket"] == socket)
    }

    @Test("Without a word, or one that makes no sense, none is expected", arguments: [nil, "", "{}", "[1]", "\u{1}"])
    func unexpected(text: String?) throws { #expect(try program(text) == nil) }
}
