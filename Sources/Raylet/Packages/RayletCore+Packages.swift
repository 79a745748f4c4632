//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// Packages of runtime environments: fetched once for all workers that need them, deleted when nobody does.
extension RayletCore {
    /// Whether the environment is there; asks for its package if not.
    mutating func isReady(
        _ environment: RuntimeEnvironmentSpec?, at now: Instant, into effects: inout [RayletEffect]
    ) -> Bool {
        guard let package = environment?.workingDirectory else { return true }
        switch packages[package] {
        case .ready?: return true
        case .fetching?: return false
        case nil:
            packages.begin(package, at: now)
            effects.append(.fetchPackage(package))
            return false
        }
    }

    /// The folder in which workers of the environment run; nothing for the program's own.
    mutating func folder(of environment: RuntimeEnvironmentSpec?, at now: Instant) -> String? {
        guard let package = environment?.workingDirectory, case .ready(let folder, _)? = packages[package] else {
            return nil
        }
        packages.use(package, at: now)
        return folder
    }

    /// The package is unpacked: workers that wait for it are started.
    mutating func packageReady(
        _ package: String, folder: String, byteCount: Int, at now: Instant, into effects: inout [RayletEffect]
    ) {
        packages.finish(package, folder: folder, byteCount: byteCount, at: now)
        serveWaitingLeases(at: now, into: &effects)
        trimPackages(into: &effects)
    }

    /// The package cannot be had: leases that wait for it fail. Later ones try again.
    mutating func packageFailed(_ package: String, _ reason: String, into effects: inout [RayletEffect]) {
        guard case .fetching? = packages[package] else { return }
        packages.remove(package)
        let error = RayError(.runtimeEnvSetupFailed, "the runtime environment could not be set up: \(reason)")
        effects.append(.log(.error, error.message))
        for id in waitingLeases where leases[id]?.key.environment?.workingDirectory == package {
            failLease(id, error, into: &effects)
        }
    }

    /// Gives packages up that do not come, and deletes unused ones beyond the size of the cache.
    mutating func checkPackages(at now: Instant, into effects: inout [RayletEffect]) {
        for package in packages.overdue(at: now, milliseconds: settings.packageMillisecondsMax) {
            let seconds = settings.packageMillisecondsMax / 1_000
            packageFailed(package, "\(package) was not here and unpacked within \(seconds) s", into: &effects)
        }
        trimPackages(into: &effects)
    }

    private mutating func trimPackages(into effects: inout [RayletEffect]) {
        guard packages.byteCount > settings.packageCacheBytesMax else { return }
        var inUse = Set(leases.values.compactMap { $0.key.environment?.workingDirectory })
        inUse.formUnion(pool.workers.values.compactMap { $0.key.environment?.workingDirectory })
        for package in packages.surplus(over: settings.packageCacheBytesMax, inUse: inUse) {
            packages.remove(package)
            effects.append(.removePackage(package))
        }
    }
}
