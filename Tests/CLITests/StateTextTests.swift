//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import RayCLI
import RayWire
import Testing

@Suite("Lists as people read them") struct StateTextTests {
    private let rows = StateRows(
        columns: ["task_id", "attempt_number", "name", "required_resources", "error_type"],
        rows: [
            [.text("ab01"), .int(0), .text("f"), .map([StateField(name: "CPU", value: .double(1))]), .null],
            [
                .text("cd"), .int(12), .text("g: h"),
                .map([StateField(name: "CPU", value: .double(1)), StateField(name: "x", value: .text("yes"))]),
                .text("WORKER_DIED"),
            ],
        ], matched: 2)

    @Test("A table has Ray's heading, numbers to the right, and cells of several lines") func table() {
        #expect(
            StateText(rows).text(.table, at: "NOW") == """

                ======== List: NOW ========
                Stats:
                ------------------------------
                Total: 2

                Table:
                ------------------------------
                    TASK_ID      ATTEMPT_NUMBER  NAME    REQUIRED_RESOURCES    ERROR_TYPE
                 0  ab01                      0  f       CPU: 1.0
                 1  cd                       12  g: h    CPU: 1.0              WORKER_DIED
                                                         x: 'yes'

                """)
    }

    @Test("YAML is that of a YAML writer, with quotes where they are needed") func yaml() {
        #expect(
            StateText(rows).text(.yaml, at: "NOW") == """
                ---
                -   task_id: ab01
                    attempt_number: 0
                    name: f
                    required_resources:
                        CPU: 1.0
                    error_type: null
                -   task_id: cd
                    attempt_number: 12
                    name: 'g: h'
                    required_resources:
                        CPU: 1.0
                        x: 'yes'
                    error_type: WORKER_DIED
                ...
                """)
    }

    @Test("JSON is one line") func json() {
        #expect(
            StateText(StateRows(columns: ["a", "b"], rows: [[.text("\"\n"), .list([.bool(true)])]], matched: 1))
                .text(.json, at: "NOW") == #"[{"a": "\"\n", "b": [true]}]"#)
    }

    @Test("An empty list says so") func empty() {
        let empty = StateRows(columns: ["a"], rows: [], matched: 0)
        #expect(StateText(empty).text(.table, at: "NOW") == "No resource in the cluster")
        #expect(StateText(empty).text(.json, at: "NOW") == "[]")
    }

    @Test("Filters are read as Ray reads them") func filters() throws {
        #expect(try ListCommand.parse("a=b") == StateFilter(key: "a", isNegated: false, value: "b"))
        #expect(try ListCommand.parse("a!=b=c") == StateFilter(key: "a", isNegated: true, value: "b=c"))
        for wrong in ["a", "=b", "a=", "!=b"] {
            #expect(throws: UsageError.self, "\(wrong)") { try ListCommand.parse(wrong) }
        }
    }

    @Test("A summary counts kinds of tasks") func summary() {
        let rows = StateRows(
            columns: ["func_or_class_name", "state_counts", "type"],
            rows: [
                [
                    .text("f"),
                    .map([
                        StateField(name: "FAILED", value: .int(1)), StateField(name: "FINISHED", value: .int(2)),
                    ]), .text("NORMAL_TASK"),
                ]
            ], matched: 1)
        let text = SummaryText(rows).text(at: "NOW")
        #expect(text.contains("total_actor_scheduled: 0\ntotal_actor_tasks: 0\ntotal_tasks: 3\n"))
        let table =
            "    FUNC_OR_CLASS_NAME    STATE_COUNTS    TYPE\n0   f                     FAILED: 1       NORMAL_TASK\n"
        #expect(text.contains(table), "\(text)")
    }
}
