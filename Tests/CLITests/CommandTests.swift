//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCLI
import Testing

@Suite struct CommandTests {
    @Test("A command that there is not is refused with those that there are, and with the nearest")
    func commands() throws {
        func refusal(_ words: String...) -> String {
            do throws(UsageError) {
                try RayCommand.check(words)
                return ""
            } catch {
                return error.message
            }
        }
        #expect(refusal("statu").contains("'ray statu'; did you mean 'status'? ray has: start, stop, status, "))
        #expect(refusal("job", "submit").contains("no command 'ray job'; ray has: start, "))
        #expect(refusal("summary", "actors").contains("no command 'ray summary actors'; ray summary has: tasks"))
        for words in [
            ["status", "-v"], ["summary", "tasks"], ["summary", "--help"], ["summary"], ["--version"], ["help"],
            ["explain", "ab"], [],
        ] { try RayCommand.check(words) }
    }
}
