//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import Glibc
internal import Logging
package import RayCore
internal import RayGCS
internal import RayStorage
internal import RayTransport
internal import RayWire
internal import Synchronization

/// The head of a cluster as a process: sockets, timers and executables around `GCSCore`.
///
///     let server = try GCSServer(configuration: configuration)
///     let reason = server.run()
///
/// To be made before the process starts other threads: it keeps SIGTERM for itself, and SIGINT (`SignalWait`).
package final class GCSServer: Sendable {
    /// Where the cluster reaches the GCS, with the port that was bound.
    package let address: Address
    /// The port that was bound for drivers outside.
    package let clientPort: UInt16?

    private let reactor: Reactor
    private let endpoint: Endpoint
    private let driver: GCSDriver
    private let journal: FileJournal?
    private let stopReason: StopReason

    /// Opens the sockets; nobody is answered before `run`.
    ///
    /// - Throws: `systemError` if a port or socket is taken or a folder cannot be made; the message names the remedy.
    package init(configuration: GCSConfiguration) throws(RayError) {
        SignalWait.block()
        try Self.makeFolders(configuration)
        let journal =
            configuration.storageDirectory.isEmpty
            ? nil
            : try FileJournal(folder: configuration.storageDirectory) { Logger(label: "ray.gcs").warning("\($0)") }
        self.journal = journal
        let records = try journal?.recover() ?? []
        let name = records.lazy.compactMap(\.clusterName).first ?? configuration.name
        let stopReason = StopReason()
        self.stopReason = stopReason
        let host = try numericHost(configuration.host, of: "head")
        let credentials = try AuthenticationToken(value: configuration.token, source: configuration.tokenSource)
            .credentials(isWanted: true)
        do throws(TransportError) {
            reactor = try Reactor()
            driver = GCSDriver(
                reactor: reactor,
                archive: ProgramArchive(
                    folder: configuration.programsDirectory, isDurable: configuration.isStorageOwn),
                journal: journal
            ) { stopReason.fail($0) }
            let own = Address(node: .none, worker: .gcs, host: host, port: 0, socketPath: "")
            let hello = Hello(
                role: .gcs, identity: .gcs, incarnation: .random(in: 1 ... .max), address: own,
                session: name)
            var settings = Endpoint.Settings()
            // The GCS must find out by itself when a machine that says nothing is gone.
            settings.acrossNodes.keepsAlive = true
            endpoint = Endpoint(
                hello,
                credentials: credentials,
                settings: settings, reactor: reactor, handler: driver)
            try endpoint.listen(unixPath: configuration.socketPath)
        } catch {
            throw RayError(.systemError, "the head cannot start: \(error)")
        }
        // The last port is the one that the address names.
        var clientPort: UInt16?
        if let port = configuration.clientPort {
            let option = "--ray-client-server-port"
            clientPort = try Self.listen(endpoint, host: host, port: port, option, configuration)
        }
        try Self.listen(endpoint, host: host, port: configuration.port, "--port", configuration)
        self.clientPort = clientPort
        address = endpoint.hello.address
        try driver.prepare(
            endpoint: endpoint, clusterName: name, records: records,
            reconnectMilliseconds: journal == nil ? 0 : configuration.reconnectMilliseconds,
            fileGraceMilliseconds: configuration.fileGraceMilliseconds,
            spillNoticeBytes: configuration.spillNoticeBytes, spreadThreshold: configuration.spreadThreshold,
            isOpen: configuration.token.isEmpty && !address.host.hasPrefix("127.") && address.host != "::1",
            trace: configuration.trace)
    }

    /// The port that was bound for the cluster.
    package var port: UInt16 { address.port }

    /// Serves until SIGTERM, SIGINT (`SignalWait`) or `stop`; the reason. All sockets are closed when it returns.
    @discardableResult
    package func run() -> String {
        do throws(TransportError) {
            try reactor.start()
            reactor.perform { self.driver.begin() }
        } catch {
            stop(reason: "\(error)")
        }
        while true {
            if let reason = stopReason.reason { return finish(reason) }
            if let signal = SignalWait.next(milliseconds: 100) { stop(reason: "the head was asked to end (\(signal))") }
        }
    }

    /// Ends `run` within a tenth of a second; any thread.
    package func stop(reason: String) { stopReason.stop(reason) }

    /// Whether the head ended because it could not go on.
    package var hasFailed: Bool { stopReason.isFailure }

    private func finish(_ reason: String) -> String {
        reactor.perform { self.driver.end() }
        // Peers hear the reason if they read soon; nothing depends on it.
        endpoint.shutdown(reason: reason, waitingMilliseconds: 100)
        reactor.stop()
        journal?.close()
        return reason
    }

    /// Opens a port; the number that was bound.
    ///
    /// - Parameter option: what chooses the port, for messages.
    @discardableResult
    private static func listen(
        _ endpoint: Endpoint, host: String, port: UInt16, _ option: String, _ configuration: GCSConfiguration
    ) throws(RayError) -> UInt16 {
        do throws(TransportError) {
            let bound = try endpoint.listen(host: host, port: port)
            if configuration.listensOnLoopback { try endpoint.listen(host: "127.0.0.1", port: bound) }
            return bound
        } catch {
            let isTaken = if case .portInUse = error { true } else { false }
            throw RayError(
                .systemError, "the head cannot start: \(error)" + (isTaken ? " with \(option)" : ""))
        }
    }

    private static func makeFolders(_ configuration: GCSConfiguration) throws(RayError) {
        let session = configuration.sessionDirectory
        let storage = configuration.storageDirectory.isEmpty ? [] : [configuration.storageDirectory]
        for folder in [session, session + "/links"] + storage + [configuration.programsDirectory] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw RayError(
                    .systemError,
                    "the folder \(folder) cannot be made: \(TransportError.text(errno)); "
                        + "choose another one with --temp-dir")
            }
        }
    }
}

/// Why a server is to end, and whether that is a failure; any thread.
private final class StopReason: Sendable {
    private let state = Mutex<(reason: String?, isFailure: Bool)>((nil, false))

    var reason: String? { state.withLock { $0.reason } }
    var isFailure: Bool { state.withLock { $0.isFailure } }

    func stop(_ reason: String) { state.withLock { $0.reason = $0.reason ?? reason } }

    func fail(_ reason: String) { state.withLock { if $0.reason == nil { $0 = (reason, true) } } }
}
