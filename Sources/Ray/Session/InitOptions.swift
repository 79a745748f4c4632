//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// What the user asked for in `ray.init(…)`.
package struct InitOptions: Sendable {
    /// `ray://host:port` of a cluster; nil to start one here or join the one that `RAY_ADDRESS` names.
    package var address: String?
    /// CPUs of a cluster started here; all of the machine's if nil.
    package var numCPUs: Double?
    /// GPUs of a cluster started here; all of the machine's if nil.
    package var numGPUs: Double?
    /// Further named amounts.
    package var resources: [String: Double]
    /// Bytes.
    package var objectStoreMemory: Int?
    /// Where names of actors are looked up; one of its own if nil.
    package var namespace: String?
    /// What the job's workers have that others have not.
    package var runtimeEnv: ray.RuntimeEnvironment?

    /// What `ray.init(…)` was given.
    package init(
        address: String? = nil, numCPUs: Double? = nil, numGPUs: Double? = nil, resources: [String: Double] = [:],
        objectStoreMemory: Int? = nil, namespace: String? = nil, runtimeEnv: ray.RuntimeEnvironment? = nil
    ) {
        self.address = address
        self.numCPUs = numCPUs
        self.numGPUs = numGPUs
        self.resources = resources
        self.objectStoreMemory = objectStoreMemory
        self.namespace = namespace
        self.runtimeEnv = runtimeEnv
    }
}
