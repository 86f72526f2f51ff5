/** The codes of errors and findings, as they stand in the sources: read from the syntax tree, not guessed from the text. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Functions of the sources that take a code first. */
const MAKERS = new Set([
  'UserError',
  'cause',
  'words',
  'finding',
  'silent',
  'refused',
  'because',
  'invalid',
  '#refuse',
]);
const CODE = /^[a-z]+(?:-[a-z0-9]+)*$/;

/** Every code, with the files that use it. */
export function sourceCodes(folder: string): Map<string, string[]> {
  const codes = new Map<string, string[]>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // The sandbox's API server answers with the reasons of the API, which are none of ours.
    if (!file.endsWith('.ts') || file.startsWith('sandbox/apiserver/')) continue;
    const path = join(folder, file);
    const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022);
    const add = (node: ts.Node | undefined): void => {
      for (const code of literals(node)) if (CODE.test(code)) codes.set(code, [...(codes.get(code) ?? []), path]);
    };
    const visit = (node: ts.Node): void => {
      if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && MAKERS.has(calledName(node.expression))) {
        add(node.arguments?.[0]);
      } else if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === 'code') {
        add(node.initializer);
      } else if (ts.isTypeAliasDeclaration(node) && node.name.text.endsWith('Code')) add(node.type);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return codes;
}

function calledName(called: ts.Expression): string {
  if (ts.isIdentifier(called)) return called.text;
  return ts.isPropertyAccessExpression(called) ? called.name.text : '';
}

/** The strings that an expression or a type may be. */
function literals(node: ts.Node | undefined): string[] {
  if (node === undefined) return [];
  if (ts.isStringLiteral(node)) return [node.text];
  if (ts.isConditionalExpression(node)) return [...literals(node.whenTrue), ...literals(node.whenFalse)];
  if (ts.isAsExpression(node)) return literals(node.expression);
  if (ts.isLiteralTypeNode(node)) return literals(node.literal);
  if (ts.isUnionTypeNode(node)) return node.types.flatMap(literals);
  return [];
}
