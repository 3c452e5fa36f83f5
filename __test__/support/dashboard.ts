import { readFileSync } from 'node:fs'

export interface Panel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: DataSource
  targets?: { expr: string; legendFormat: string; datasource: DataSource }[]
  fieldConfig?: {
    defaults: { unit: string; thresholds: { steps: { color: string; value: number | null }[] } }
  }
}

export interface DataSource {
  type: string
  uid: string
}

export interface Dashboard {
  __inputs: { name: string; type: string; pluginId: string }[]
  __requires: { type: string; id: string }[]
  uid: string
  schemaVersion: number
  templating: { list: { name: string; type: string; current: { value: unknown }; definition?: string }[] }
  panels: Panel[]
}

/** Reads the dashboard of examples. */
export function readDashboard(): Dashboard {
  const file = new URL('../../examples/grafana-dashboard.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Returns each query of the dashboard with the title of its panel. */
export function dashboardQueries(): { title: string; expr: string; legend: string }[] {
  return readDashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ title, expr, legend: legendFormat })),
  )
}
