import * as vscode from 'vscode';
import { SETTINGS, type SettingName, type Settings } from './registry';

/** The value of `winnow.<name>`. @param scope for settings that can differ between folders */
export function setting<Name extends SettingName>(name: Name, scope?: vscode.Uri): Settings[Name] {
  return vscode.workspace.getConfiguration('winnow', scope).get(name, SETTINGS[name]);
}
