/** How each CRDT type of this package is checked. */
import { addWinsSet, counter, type CrdtEditor, type CrdtType, registerMap, type SetElement } from "@cuitty/persist/crdt"
import { editCounter, editMap, editSet } from "../../crdt/testing/our-types.ts"
import { crdtSuite, type Suite } from "../mod.ts"

/** Suites by the name of a type. */
export type TypeSuites = Readonly<Record<string, () => Suite>>

const suiteOf = <View, Editor extends CrdtEditor<State>, State>(
  type: CrdtType<View, Editor, State>,
  edit: (editor: Editor, choice: number) => void,
): Suite => crdtSuite(type, { edit: (editor, random) => edit(editor, Math.floor(random() * 1000)) })

export const ourTypes: TypeSuites = {
  "counter": () => suiteOf(counter(), editCounter),
  "add-wins-set": () => suiteOf(addWinsSet<SetElement>(), editSet),
  "register-map": () => suiteOf(registerMap(), editMap),
}
