//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

extension ray {
    /// What the workers of a job, task or actor have that others have not.
    ///
    /// What a task or actor submits inherits its environment; an environment of its own is merged over the inherited
    /// one: `envVars` one by one, everything else as a whole. Workers are never shared between environments. What
    /// cannot be set up fails the tasks and actors that asked for it with `ray.SystemError.runtimeEnvSetup`.
    public struct RuntimeEnvironment: Hashable, Sendable {
        /// Environment variables. `$NAME` and `${NAME}` stand for those of the node: `["PATH": "${PATH}:/opt/bin"]`.
        public var envVars: [String: String]
        /// The current folder of the workers: a folder of this machine, which is packed (at most 512 MiB) and sent to
        /// the cluster once for each content, or the name of a package there, `gcs://_ray_pkg_<hash>.zip`.
        ///
        /// The workers of a node share one copy. Left out are what `.gitignore` and `.rayignore` in it and `excludes`
        /// name, and `.git`, `.venv`, `venv` and `__pycache__`.
        public var workingDir: String?
        /// What is left out of `workingDir`, one pattern each, in the form of `.gitignore`.
        public var excludes: [String]
        /// An executable of this machine that workers run instead of this program; sent to nodes that lack it. It must
        /// declare the same remote functions and call `ray.init()`.
        public var executable: String?

        /// An environment; what is not given is inherited.
        public init(
            envVars: [String: String] = [:], workingDir: String? = nil, excludes: [String] = [],
            executable: String? = nil
        ) {
            self.envVars = envVars
            self.workingDir = workingDir
            self.excludes = excludes
            self.executable = executable
        }

        /// The environment of a process, as its users may see it.
        init(_ spec: RuntimeEnvironmentSpec?) {
            self.init(
                envVars: Dictionary(uniqueKeysWithValues: (spec?.variables ?? []).map { ($0.name, $0.value) }),
                workingDir: spec?.workingDirectory, executable: spec?.program?.path)
        }
    }
}
