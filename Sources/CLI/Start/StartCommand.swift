//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import ArgumentParser
internal import Foundation
internal import RayCore
internal import RayNode

/// `ray start`: starts a head, or a node that joins one.
package struct StartCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Start a Ray head, or a node that joins one, on this machine.",
        discussion: "Returns when the node is ready; with --block, when it ends.")

    @OptionGroup(title: "Node") package var served: StartOptions
    @OptionGroup(title: "Accepted, but not served yet") package var unserved: UnservedStartOptions

    package init() {}

    /// What will be done with these options in `surroundings`.
    package func plan(in surroundings: StartSurroundings) throws(UsageError) -> StartPlan {
        try StartPlan(served, unserved, in: surroundings)
    }

    package func run() throws {
        let root = SessionDirectory.temporaryRoot(given: served.tempDir)
        var plan = try plan(
            in: StartSurroundings(
                address: environment("RAY_ADDRESS"),
                isKubeRay: environment("RAY_USAGE_STATS_KUBERAY_IN_USE") == "1",
                externalHost: MachineAddress.firstExternal(),
                localHeads: AddressLookup.localHeads(under: root), unknownHost: MachineAddress.unknown))
        for notice in plan.notices { printError(notice) }
        plan.options.token = try plan.options.isHead ? .forHead() : .forJoining()
        SessionCleanup.clear(under: root)
        if plan.isBlocking { StopSignal.watch() }
        plan.options.isDurable = plan.options.isHead
        plan.options.storagePath = environment("RAY_gcs_storage_path").flatMap { $0.isEmpty ? nil : $0 }
        plan.options.restartsHead = !plan.isBlocking
        let starter = try RoleStarter(reapsOrphans: plan.isBlocking)
        let node = try NodeLauncher.start(plan.options, with: starter)
        printLine(report(plan, node).text)
        guard plan.isBlocking else { return }
        throw ExitCode(BlockingStart(starter, session: node.session).run())
    }

    private func report(_ plan: StartPlan, _ node: StartedNode) -> StartReport {
        StartReport(
            isHead: plan.options.isHead, nodeHost: plan.options.nodeHost,
            head: HostAddress(host: node.headHost, port: node.headPort), clientPort: node.clientPort,
            session: node.session.path, tokenSource: node.token.value.isEmpty ? nil : node.token.source,
            temporaryRoot: served.tempDir, isBlocking: plan.isBlocking)
    }
}
