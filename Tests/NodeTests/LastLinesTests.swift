//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayNode
import Testing

@Suite struct LastLinesTests {
    @Test("Lines that are for readers of logs push out none of the user's")
    func marks() {
        var last = LastLines()
        last.append("first")
        for _ in 0..<50 {
            for mark in [":job_id:01000000", ":actor_name:Counter", ":task_name:f"] { last.append(mark) }
        }
        last.append("see :task_name:f")
        #expect(last.lines == ["first", "see :task_name:f"])
    }

    @Test("Of many lines the last ones are kept")
    func many() {
        var last = LastLines()
        for number in 0..<100 { last.append("\(number)") }
        #expect(last.lines == (100 - LastLines.countMax..<100).map(String.init))
    }
}
