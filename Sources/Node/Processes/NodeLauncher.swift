//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
package import RayCore

/// Starts the processes of one node: on the head the GCS, everywhere the raylet.
package enum NodeLauncher {
    /// Starts a node and returns when it is ready.
    ///
    /// - Throws: the first process's reason: port in use, wrong token, no head at the address, folder not writable.
    package static func start(
        _ options: NodeStartOptions, with starter: RoleStarter
    ) throws(RayError) -> StartedNode {
        let session = try SessionDirectory.create(under: SessionDirectory.temporaryRoot(given: options.temporaryRoot))
        do throws(RayError) {
            let node = try start(options, in: session, with: starter)
            session.becomeLatest()
            return node
        } catch {
            starter.stop()
            // Logs that the message names are kept.
            if error.message.contains(session.logs) { session.removeSockets() } else { session.remove() }
            throw error
        }
    }

    private static func start(
        _ options: NodeStartOptions, in session: SessionDirectory, with starter: RoleStarter
    ) throws(RayError) -> StartedNode {
        var headHost = options.headHost
        var headPort = options.headPort
        var clientPort: UInt16?
        var gcsSocket = ""
        if options.isHead {
            let ready = try starter.start(
                role: "gcs_server", executable: options.executable, settings: gcsSettings(options, session),
                session: session, endsWithParent: options.endsWithParent)
            headHost = options.nodeHost
            headPort = ready.port("port") ?? options.port
            clientPort = ready.port("client_port")
            gcsSocket = session.sockets + "/gcs.sock"
        }
        var headSettings = gcsSettings(options, session)
        // A head that is started again has to be where it was.
        headSettings["port"] = String(headPort)
        if let clientPort { headSettings["client_port"] = String(clientPort) }
        var generator = SystemRandomNumberGenerator()
        let node = NodeID.random(using: &generator)
        var settings = try rayletSettings(options, session, node)
        settings["gcs_host"] = headHost
        settings["gcs_port"] = String(headPort)
        settings["gcs_socket"] = gcsSocket
        if options.isHead, options.isDurable, options.restartsHead { settings["head_settings"] = headSettings.text }
        let ready = try starter.start(
            role: "raylet", executable: options.executable, settings: settings, session: session,
            endsWithParent: options.endsWithParent)
        session.note(headHost: headHost, port: String(headPort))
        if !options.token.value.isEmpty { writeFile(session.path + "/auth_token", options.token.value + "\n") }
        return StartedNode(
            session: session, nodeID: node, headHost: headHost, headPort: headPort, clientPort: clientPort,
            rayletPort: ready.port("port") ?? 0, token: options.token,
            processes: starter.all.map { ($0.role, $0.processID) })
    }

    private static func gcsSettings(_ options: NodeStartOptions, _ session: SessionDirectory) -> RoleSettings {
        var settings = RoleSettings()
        settings["session"] = session.path
        settings["host"] = options.nodeHost
        settings["port"] = String(options.port)
        if let port = options.clientPort { settings["client_port"] = String(port) }
        settings["loopback"] = options.listensOnLoopback ? "1" : "0"
        settings["token"] = options.token.value
        settings["token_source"] = options.token.source
        if options.isDurable {
            settings["storage"] = options.storagePath ?? session.path + "/storage"
            settings["storage_own"] = options.storagePath == nil ? "0" : "1"
        }
        return settings
    }

    private static func rayletSettings(
        _ options: NodeStartOptions, _ session: SessionDirectory, _ node: NodeID
    ) throws(RayError) -> RoleSettings {
        let machine = MachineResources.detect()
        let (gpus, acceleratorType) = try VisibleDevices.gpusOfNode(
            given: options.gpus, devices: machine.gpus,
            visible: environment(Accelerator.gpu.variable).map { VisibleDevices($0) })
        let capacity = options.objectStoreMemory ?? machine.defaultStoreCapacity
        var resources = ResourceSet([
            (ResourceSet.cpu, options.cpus ?? Double(machine.cpus)),
            (ResourceSet.gpu, gpus),
            (ResourceSet.memory, Double(options.memory ?? max(0, machine.memory - capacity) / 10 * 9)),
            (ResourceSet.objectStoreMemory, Double(capacity)),
            ("node:" + options.nodeHost, 1),
        ])
        if let acceleratorType { resources[ResourceSet.acceleratorType(acceleratorType)] = ResourceAmount(1) }
        for (name, amount) in options.resources.sorted(by: { $0.key < $1.key }) {
            resources[name] = ResourceAmount(amount)
        }
        if options.isHead { resources["node:__internal_head__"] = ResourceAmount(1) }
        var settings = RoleSettings()
        settings["session"] = session.path
        settings["node"] = node.hex
        settings["name"] = options.nodeName.isEmpty ? options.nodeHost : options.nodeName
        settings["host"] = options.nodeHost
        settings["port"] = String(options.rayletPort)
        settings["token"] = options.token.value
        settings["token_source"] = options.token.source
        settings["store"] = String(capacity)
        settings["spill_directory"] = options.objectSpillingDirectory
        settings["head"] = options.isHead ? "1" : "0"
        let labels = DefaultLabels.detect(acceleratorType: acceleratorType).merging(options.labels) { _, given in given
        }
        settings["labels"] = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            .joined(separator: ",")
        settings.resources = resources
        return settings
    }
}
