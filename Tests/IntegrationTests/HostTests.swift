//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Glibc
import Testing

extension IntegrationTests {
    @Suite("Three hosts", .enabled(if: ThreeHosts.arePossible, ThreeHosts.reason))
    struct Hosts {
        /// A job that moves values of 0.8 MB between all hosts, for a time; when it has got through a round.
        private func job(_ hosts: ThreeHosts, seconds: Int, on name: String = "head") async throws -> Child {
            let child = try hosts.startProgram(["exchange", "\(seconds)"], on: name)
            let isBegun = try await eventually(within: .seconds(30)) { child.output.contains("round 1") }
            try #require(isBegun, "\(child.everything)")
            return child
        }

        private func check(
            _ job: Child, within limit: Duration, _ hosts: ThreeHosts, _ location: SourceLocation = #_sourceLocation
        ) async throws {
            let code = try await job.end(within: limit)
            let isRight = code == 0 && job.output.contains("all right")
            let status = try await hosts.status()
            #expect(isRight, "\(job.everything)\n\(status)", sourceLocation: location)
        }

        @Test(
            "Black-outs of 3 s and 5 s, and a way that is cut in one direction, change no result",
            .timeLimit(.minutes(2)))
        func blackOuts() async throws {
            try await Sandbox.run { sandbox in
                let hosts = try await ThreeHosts(sandbox)
                let job = try await job(hosts, seconds: 13)
                try await hosts.setCable(of: "second", isIn: false)
                try await Task.sleep(for: .seconds(3))
                try await hosts.setCable(of: "second", isIn: true)
                let status = try await hosts.status()
                #expect(status.contains("(no failures)") && status.contains("/3.0 CPU"), "\(status)")
                try await hosts.setRoute(from: "third", to: "second", isThere: false)
                try await Task.sleep(for: .seconds(2))
                try await hosts.setRoute(from: "third", to: "second", isThere: true)
                // Whether the node counts as dead after that is a matter of milliseconds.
                try await hosts.setCable(of: "third", isIn: false)
                try await Task.sleep(for: .seconds(5))
                try await hosts.setCable(of: "third", isIn: true)
                try await check(job, within: .seconds(40), hosts)
                try await hosts.stop()
            }
        }

        @Test(
            "A head that starts again at a new address behind its name is found by nodes and programs",
            .timeLimit(.minutes(2)))
        func newAddress() async throws {
            try await Sandbox.run { sandbox in
                let hosts = try await ThreeHosts(sandbox)
                let job = try await job(hosts, seconds: 8, on: "second")
                try await hosts.moveHead()
                let isWhole = try await hosts.status(within: .seconds(15)) { $0.contains("/3.0 CPU") }
                let status = try await hosts.status()
                #expect(isWhole, "\(status)")
                try await check(job, within: .seconds(40), hosts)
                let next = try hosts.startProgram(["square"], on: "third")
                try await next.end()
                #expect(next.output.contains("square: 49"), "\(next.everything)")
                try await hosts.stop()
            }
        }

        @Test(
            "A host that is cut off counts as dead and its work goes elsewhere; its node ends with the reason, and joins anew",
            .timeLimit(.minutes(2)))
        func cutOff() async throws {
            try await Sandbox.run { sandbox in
                let hosts = try await ThreeHosts(sandbox)
                let job = try await job(hosts, seconds: 14)
                try await hosts.setCable(of: "third", isIn: false)
                let isDead = try await hosts.status(within: .seconds(12)) {
                    $0.contains("/2.0 CPU") && $0.contains("third: no report for")
                }
                var status = try await hosts.status()
                #expect(isDead, "\(status)")
                try await hosts.setCable(of: "third", isIn: true)
                let hasEnded = try await eventually(within: .seconds(12)) { hosts.raylet(of: "third") == nil }
                let logs = try await hosts.logs(of: "third")
                #expect(hasEnded, "\(logs)")
                #expect(logs.contains("no report for"), "\(logs)")
                try await hosts.start("third")
                let isBack = try await hosts.status(within: .seconds(10)) { $0.contains("/3.0 CPU") }
                status = try await hosts.status()
                #expect(isBack, "\(status)")
                try await check(job, within: .seconds(40), hosts)
                try await hosts.stop()
            }
        }
    }
}
