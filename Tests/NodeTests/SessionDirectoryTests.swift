//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Glibc
import RayCore
import RayNode
import Testing

@Suite("Folders of sessions") struct SessionDirectoryTests {
    @Test("A root that everybody may write becomes sticky, so that nobody renames another's session") func sticky()
        throws
    {
        let folder = try TemporaryFolder()
        let root = folder.path + "/ray"
        #expect(mkdir(root, 0o700) == 0 && chmod(root, 0o777) == 0)
        let session = try SessionDirectory.create(under: root)
        var status = stat()
        #expect(stat(root, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o1777)
        #expect(stat(session.path, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
    }

    @Test("A private root stays as it is") func privateRoot() throws {
        let folder = try TemporaryFolder()
        let root = folder.path + "/a/ray"
        _ = try SessionDirectory.create(under: root)
        var status = stat()
        #expect(stat(root, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
    }

    @Test("Where everybody makes folders, one of another user is not used, but by root") func squatter() {
        let (everybody, few): (mode_t, mode_t) = (0o1777, 0o755)
        #expect(SessionDirectory.trusts(owner: 1_000, parentMode: everybody, user: 1_000))
        #expect(SessionDirectory.trusts(owner: 0, parentMode: everybody, user: 1_000))
        #expect(!SessionDirectory.trusts(owner: 1_001, parentMode: everybody, user: 1_000))
        #expect(SessionDirectory.trusts(owner: 1_001, parentMode: few, user: 1_000), "it was given to this user")
        #expect(SessionDirectory.trusts(owner: 1_001, parentMode: everybody, user: 0))
    }
}
